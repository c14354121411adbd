"""All settings of a server, put together, and how they depend on each other."""

from __future__ import annotations

from dataclasses import dataclass

from conference.access.tokens import check_secret
from conference.access.webhook_signature import read_key
from conference.attendant.settings import AttendantSettings
from conference.captions.settings import CaptionSettings
from conference.cluster.settings import ClusterSettings
from conference.engine.settings import EngineSettings
from conference.loopback import is_loopback
from conference.options.declaration import check, declared
from conference.prompts.settings import SoundSettings
from conference.recording.settings import RecordingSettings
from conference.recording.storage.address import ObjectAddress
from conference.settings.access import AccessSettings
from conference.settings.checks import SettingsError, origin_of, read_secret
from conference.settings.listening import ListeningSettings
from conference.settings.program import ProgramSettings
from conference.settings.rooms import RoomSettings
from conference.settings.tcp_connections import ConnectionSettings
from conference.settings.webhooks import WebhookOptions
from conference.telephony.settings import AudioSocketSettings, CallOptions, DialSettings, LegSettings, PhoneSettings
from conference.voices.settings import VoicesSettings
from conference.webrtc.settings import WebRtcOptions


@dataclass(frozen=True)
class Settings(
    ProgramSettings,
    ClusterSettings,
    CaptionSettings,
    RecordingSettings,
    SoundSettings,
    AttendantSettings,
    WebhookOptions,
    VoicesSettings,
    PhoneSettings,
    DialSettings,
    AudioSocketSettings,
    CallOptions,
    LegSettings,
    ConnectionSettings,
    EngineSettings,
    WebRtcOptions,
    RoomSettings,
    AccessSettings,
    ListeningSettings,
):  # the last comes first in --help
    """How one server runs: what all its parts declare. Times are in seconds, sizes in bytes, rates in bits per second.

    What one part is given of it, :func:`~conference.options.declaration.part_of` takes out.

    Raises:
        SettingsError: a value is out of its range, or two of them contradict each other.
    """

    def __post_init__(self) -> None:
        check(self)
        for name in ("allowed_origins", "frame_ancestors"):
            object.__setattr__(self, name, tuple(map(origin_of, getattr(self, name))))
        self._check_tls()
        self._check_access()
        self._check_audiosocket()
        self._check_phones()
        self._check_webhooks()
        self._check_engine()
        self._check_recordings()
        self._check_captions()
        self._check_coding()

    def _check_tls(self) -> None:
        if self.tls_key is not None and self.tls_cert is None:
            raise SettingsError("tls-key needs tls-cert: the certificate that belongs to the key.")
        if self.tls_self_signed and self.tls_cert is not None:
            raise SettingsError("tls-self-signed makes its own certificate: give that or tls-cert, not both.")

    def _check_access(self) -> None:
        if self.secret_file is not None:
            if self.secret is not None:
                raise SettingsError("secret and secret-file are the same thing: give one of them.")
            object.__setattr__(self, "secret", read_secret(self.secret_file))
        try:
            for secret in self.secrets:
                check_secret(secret)
        except ValueError as error:
            each = " A comma separates two secrets." if "," in (self.secret or "") else ""
            raise SettingsError(f"secret: {error}{each}") from None
        if self.twilio_auth_token is not None and self.public_url is None:
            raise SettingsError("twilio-auth-token needs public-url: Twilio signs the address that it asks for.")

    def _check_audiosocket(self) -> None:
        if self.audiosocket is None and self.audiosocket_room is not None:
            raise SettingsError("audiosocket-room needs audiosocket: the address at which such calls are taken.")

    def _check_phones(self) -> None:
        if self.twilio_account_sid is None:
            if self.caller_ids:
                raise SettingsError("caller-id needs twilio-account-sid: the account that telephones are called with.")
        elif self.twilio_auth_token is None or not self.caller_ids:
            raise SettingsError("twilio-account-sid needs twilio-auth-token, and caller-id: a number of the account.")

    def _check_webhooks(self) -> None:
        if self.webhooks and self.webhook_secret is None:
            raise SettingsError("webhook needs webhook-secret: receivers must be able to tell that it was you.")
        try:
            _ = self.webhook_keys
        except ValueError as error:
            raise SettingsError(f"webhook-secret: {error}") from None

    def _check_engine(self) -> None:
        if self.engine == "aiortc" and (self.udp_port or self.announce_ips):
            raise SettingsError("udp-port and announce-ip are for engine tables: aiortc's connections open ports each.")

    def _check_recordings(self) -> None:
        if self.engine == "aiortc" and self.recordings is not None:
            raise SettingsError("recordings keep the packets that people send, which engine aiortc hands nobody.")
        if self.record == "always" and self.recordings is None:
            raise SettingsError("record always needs recordings: the folder in which they are kept.")
        if isinstance(self.recordings, ObjectAddress):
            if self.recording_spool is None:
                raise SettingsError(
                    f"recordings in {self.recordings} need recording-spool: a folder for them until then."
                )
        elif self.recording_spool is not None or self.recording_endpoint is not None:
            raise SettingsError("recording-spool and recording-endpoint are for recordings in s3://BUCKET/PREFIX.")

    def _check_captions(self) -> None:
        if self.captions_always and self.captions_engine is None:
            raise SettingsError("captions-always needs captions: the engine that recognises speech.")

    def _check_coding(self) -> None:
        if self.opus_min_complexity > self.opus_max_complexity:
            raise SettingsError("opus-min-complexity must not be above opus-max-complexity.")
        if self.opus_spare_load > self.opus_full_load:
            raise SettingsError("opus-spare-load must not be above opus-full-load: packets would cost more, then less.")

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """The parts of :attr:`webhook_secret`, read; none without one."""
        return () if self.webhook_secret is None else tuple(map(read_key, self.webhook_secret.split(",")))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The parts of :attr:`secret`; none without one."""
        return () if self.secret is None else tuple(one.strip() for one in self.secret.split(","))

    @property
    def tls(self) -> bool:
        """Whether the server itself speaks HTTPS."""
        return self.tls_self_signed or self.tls_cert is not None

    @property
    def on_loopback(self) -> bool:
        """Whether :attr:`host` can be reached from this machine only."""
        return is_loopback(self.host)


FIELDS = tuple(declared(Settings))
"""The names of all settings."""
