"""What a person has to see before it is applied, whatever is configured."""

from pathlib import Path

from phasr_lsp.domain.task import TaskState
from tests.engine.scripted import STRONG, Scene, answer

SOURCE = '''\
def one():
    """The total of all the readings which the sensor has sent."""
    return 1
'''
NEARLY = SOURCE.replace("of all the readings", "of all readings")


async def test_what_only_resembles_the_text_waits(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.choices.profile = STRONG
    uri = scene.write("shop.py", SOURCE)
    task = scene.start("fix", uri, "return 1")
    [call] = await scene.calls(1)
    block = f"shop.py\n<<<<<<< SEARCH\n{NEARLY}=======\n{NEARLY.replace('return 1', 'return 2')}>>>>>>> REPLACE\n"
    call.answer.set_result(answer(block))
    await scene.until(lambda: scene.editor.reviews == [task])
    await scene.turn()
    assert scene.fleet.get(task).message == "Waits for your review: a part of it only resembles what is there."
    assert scene.read("shop.py") == SOURCE
    scene.fleet.apply(task)
    await scene.reached(task, TaskState.APPLIED)
    assert scene.read("shop.py") == SOURCE.replace("return 1", "return 2")
    await scene.fleet.aclose()
