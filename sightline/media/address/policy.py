"""Decides which addresses may be opened.

Pure but for the look-up of names. Called by the web process (validation) and by the engine right before each opening, so that a
name that has moved to a forbidden address in between is caught.
"""

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path

from sightline.errors import Forbidden, Invalid, NotFound, SourceError
from sightline.media.address.reading import SourceAddress, parse_source
from sightline.settings import Settings

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class CheckedAddress:
    """An address that the policy let through, pinned to what was checked."""

    address: SourceAddress
    ips: tuple[str, ...] = ()
    """Every address the host name resolved to; all of them passed. Connect to these only."""
    file: Path | None = None
    """Real path of a local file."""
    policy: "AddressPolicy | None" = field(default=None, repr=False)
    """Checks what the stream itself names: redirects, segments."""

    @property
    def player_url(self) -> str:
        """URL with credentials whose host is the checked IP address. Never log it."""
        return self.address.url(self.ips[0])


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses may be opened. Private networks may: that is where cameras are."""

    allow_loopback: bool = False
    allow_networks: tuple[IpNetwork, ...] = ()
    media_folders: tuple[Path, ...] = ()
    allowed_files: tuple[Path, ...] = ()
    """Absolute paths outside the media folders that the settings name themselves."""

    @classmethod
    def from_settings(cls, settings: Settings) -> "AddressPolicy":
        return cls(settings.camera_allow_loopback, settings.allowed_networks, settings.media_folders, _files_named_in(settings))

    def check(self, address: SourceAddress) -> CheckedAddress:
        """Resolve the address and let it through or not. Blocks while the name is looked up.

        Raises:
            Forbidden: `address_forbidden`; the message names the rule.
            NotFound: the file does not exist.
            SourceError: `unreachable`, the host name does not resolve.
        """
        if address.kind == "file":
            return CheckedAddress(address, file=self._check_file(address.path), policy=self)
        if not address.host:
            return CheckedAddress(address, policy=self)
        return CheckedAddress(address, ips=self.check_host(address.host), policy=self)

    def check_host(self, host: str) -> tuple[str, ...]:
        """All IP addresses of `host`, each of them allowed. Raises as `check` does."""
        ips = _resolve(host)
        for ip in ips:
            reason = self._refusal(ip)
            if reason:
                raise Forbidden(
                    f"The address {host} is not allowed: it is {reason}.", code="address_forbidden", field="source", rule=reason
                )
        return tuple(str(ip) for ip in ips)

    def _refusal(self, ip: IpAddress) -> str | None:
        """Why `ip` is refused, or None. An IPv4 address inside an IPv6 one must pass too."""
        for candidate in (ip, *_embedded_ipv4(ip)):
            if any(candidate.version == network.version and candidate in network for network in self.allow_networks):
                continue
            reason = _special_use(candidate)
            if reason == _LOOPBACK or (reason is None and _is_own(candidate)):
                if not self.allow_loopback:
                    return f"{_LOOPBACK} (CAMERA_ALLOW_LOOPBACK=true allows it)"
            elif reason:
                return reason
        return None

    def _check_file(self, path: str) -> Path:
        wanted = Path(path)
        if wanted.resolve() in self.allowed_files and wanted.is_file():
            return wanted.resolve()
        if ".." in wanted.parts:
            raise _file_forbidden("the path holds '..'")
        folders = [folder.resolve() for folder in self.media_folders]
        # A relative name is looked for below each folder; joining an absolute path gives that path itself.
        for real in [(folder / wanted).resolve() for folder in folders]:
            if not any(real.is_relative_to(folder) for folder in folders):
                raise _file_forbidden("it is outside the media folders (see MEDIA_DIRS)")
            if real.is_file():
                return real
        raise NotFound(f"There is no file {wanted.name!r} in the media folders.", code="file_not_found", field="source")


_LOOPBACK = "an address of this machine itself"
_METADATA = "a cloud metadata service"
_METADATA_IPS = frozenset(
    ipaddress.ip_address(ip)
    for ip in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
    )
)
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")


def _files_named_in(settings: Settings) -> tuple[Path, ...]:
    """VIDEO_FILE_PATH may lie anywhere: who sets the environment decides. A wrong value is reported where it is used."""
    try:
        address = parse_source(settings.default_source)
    except Invalid:
        return ()
    return (Path(address.path).resolve(),) if address.kind == "file" else ()


def _file_forbidden(rule: str) -> Forbidden:
    return Forbidden(f"This file may not be opened: {rule}.", code="address_forbidden", field="source", rule=rule)


def _resolve(host: str) -> tuple[IpAddress, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as err:
        raise SourceError(f"The host name {host} cannot be found. Check its spelling and the network.", code="unreachable") from err
    # The zone of a link-local address (`%eth0`) says nothing about whether it is allowed.
    return tuple(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


def _embedded_ipv4(ip: IpAddress) -> tuple[ipaddress.IPv4Address, ...]:
    """IPv4 addresses that the IPv6 address `ip` leads to: mapped, compatible, NAT64, 6to4, Teredo."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ()
    last = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if any(ip in network for network in _NAT64) or (ip in _IPV4_COMPATIBLE and int(ip) > 0xFFFF):
        found.append(last)
    return tuple(inner for inner in found if inner is not None)


def _special_use(ip: IpAddress) -> str | None:
    if ip in _METADATA_IPS:
        return _METADATA
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return None  # its IPv4 address decides
    if ip.is_unspecified or (ip.version == 4 and ip in _THIS_NETWORK):
        return "no address of a machine"
    if ip.is_loopback:
        return _LOOPBACK
    if ip.is_link_local:
        return "a link-local address (CAMERA_ALLOW_NETWORKS allows a network)"
    if ip.is_multicast:
        return "a multicast address"
    if ip.version == 4 and ip.is_reserved:
        return "a reserved address"
    return None


def _is_own(ip: IpAddress) -> bool:
    """Whether a network card of this machine has the address `ip`: only then can a socket be bound to it."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(ip), 0))
    except OSError:
        return False
    return True
