"""Which paths a model may name: a reply can ask for any file, and what it says of paths is never trusted.

Pure: symbolic links, and what git ignores, are for those to look at who have the disk.
"""

import re
import unicodedata
from fnmatch import fnmatchcase

DENIED = (
    *(".env*", ".netrc", "_netrc", ".pgpass", ".pypirc", ".htpasswd", ".git-credentials"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".ssh", ".gnupg", ".aws"),
    *(".phasr", ".phasrignore"),
)
"""Files and folders that no model may name, whatever its task: secrets, and what Phasr itself goes by."""

_MOST_BYTES = 255
"""In a file's name, on every file system in use."""

_DRIVE = re.compile(r"[A-Za-z]:")
_WINDOWS_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:[.:].*)?", re.DOTALL)
_GIT = re.compile(r"\.git|git~[0-9]+")


def path_rule(name: str) -> str | None:
    """Why a relative path from a model may not be used, as the end of a sentence about it; None if it may.

    Both slashes part it, whatever the platform.
    """
    parts = re.split(r"[/\\]", name)
    if not name.strip(" "):
        return "it names no file"
    if bad := next((each for each in name if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")), None):
        return f"it holds a character that no name may have ({ascii(bad)[1:-1]})"
    if not parts[0] or parts[0] == "~":
        return "it isn't relative to the workspace"
    if _DRIVE.match(name):
        return f"it names a drive ({name[:2]})"
    if rule := next((rule for part in parts if (rule := _part_rule(part))), None):
        return rule
    return None if parts[-1].strip(" .") else "it names a folder"


def is_git(part: str) -> bool:
    """Whether a part of a path is git's own folder, as any file system might read it."""
    return _GIT.fullmatch(_plain(part)) is not None


def _part_rule(part: str) -> str | None:
    seen = _visible(part)
    if ".." in part and not seen.strip(". "):
        return "it leaves the workspace (..)"
    if is_git(part):
        return "it belongs to git, which alone may change it"
    if _WINDOWS_DEVICE.fullmatch(seen.casefold()):
        return f"it is the name of a device on Windows ({part})"
    if len(part.encode()) > _MOST_BYTES:
        return f"it is longer than {_MOST_BYTES} bytes"
    glob = next((glob for glob in DENIED if fnmatchcase(_plain(part), glob)), None)
    return f"it is kept from models ({glob})" if glob else None


def _plain(part: str) -> str:
    """The name of the file that the part may reach.

    Windows drops dots and spaces at the end and reads what follows a colon as a stream of the same file; others
    fold case or leave out characters that nobody sees.
    """
    return _visible(part).partition(":")[0].rstrip(". ").casefold()


def _visible(part: str) -> str:
    return "".join(each for each in part if unicodedata.category(each) != "Cf")
