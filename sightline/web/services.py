"""What the views work with, built once per app by `app_factory`; shared by all request threads."""

import threading
from dataclasses import dataclass

from flask import current_app

from sightline.jobs.outbox import Outbox
from sightline.media.address import AddressPolicy
from sightline.records.assets import Assets
from sightline.records.cameras import Cameras
from sightline.records.counters import CounterMinutes
from sightline.records.database import Database
from sightline.records.events import Events
from sightline.records.frames import Frames
from sightline.records.login_attempts import LoginAttempts
from sightline.records.outbox import OutboxItems
from sightline.records.presets import Presets
from sightline.records.uploads import Uploads
from sightline.records.users import Users
from sightline.settings import Settings
from sightline.storage.model_mirror import model_store
from sightline.web.camera_desk import CameraDesk
from sightline.web.camera_transfer import CameraTransfer
from sightline.web.catalogue import Catalogue
from sightline.web.checks import Installation
from sightline.web.doctor_desk import DoctorDesk
from sightline.web.engine_client import Engines
from sightline.web.exports import Exports
from sightline.web.health import Health
from sightline.web.job_desk import JobDesk
from sightline.web.keeping import Keeping
from sightline.web.login import Login
from sightline.web.media import Media
from sightline.web.metrics import Metrics
from sightline.web.model_desk import ModelDesk
from sightline.web.people_desk import PeopleDesk
from sightline.web.preset_desk import PresetDesk
from sightline.web.rate_limit import LoginLimit
from sightline.web.remote_calls import RemoteCalls
from sightline.web.run_config import RunConfig
from sightline.web.s3_desk import S3Desk
from sightline.web.tus_desk import TusDesk
from sightline.web.upload_desk import UploadDesk
from sightline.web.upload_limits import UploadLimits
from sightline.web.webhook_desk import WebhookDesk

EXTENSION = "sightline"


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one web process."""

    settings: Settings
    stop: threading.Event
    """Set when this process is to end; streams and background threads watch it."""
    database: Database
    engines: Engines
    users: Users
    login: Login
    desk: CameraDesk
    media: Media
    cameras: Cameras
    transfer: CameraTransfer
    presets: PresetDesk
    catalogue: Catalogue
    run_config: RunConfig
    keeping: Keeping
    exports: Exports
    upload_desk: UploadDesk
    uploads: Uploads
    tus: TusDesk
    s3_uploads: S3Desk
    jobs: JobDesk
    remote_calls: RemoteCalls
    webhooks: WebhookDesk
    doctor: DoctorDesk
    models: ModelDesk
    people: PeopleDesk
    health: Health
    metrics: Metrics
    frames: Frames
    events: Events
    counters: CounterMinutes
    assets: Assets
    outbox: OutboxItems

    @classmethod
    def build(cls, settings: Settings) -> "Services":
        """Open the database (and migrate it); nothing is started."""
        database = Database(settings.database)
        database.migrate()
        engines = Engines(settings.engine_addresses, settings.derived_key("engine"))
        users = Users(database)
        login = Login(settings, users, LoginLimit(LoginAttempts(database)))
        cameras, frames, events, assets = Cameras(database), Frames(database), Events(database), Assets(database)
        desk = CameraDesk(cameras, CounterMinutes(database), engines, AddressPolicy.from_settings(settings))
        stop = threading.Event()
        run_config = RunConfig(settings)
        outbox = Outbox(settings, database)
        uploads = Uploads(database)
        limits = UploadLimits(settings, uploads)
        upload_desk = UploadDesk(settings, assets, cameras, outbox, run_config, limits)
        catalogue = Catalogue(settings, engines, run_config)
        presets = PresetDesk(Presets(database), desk, catalogue)
        return cls(
            settings=settings,
            stop=stop,
            database=database,
            engines=engines,
            users=users,
            login=login,
            desk=desk,
            media=Media(settings, engines, desk, login, stop),
            cameras=cameras,
            transfer=CameraTransfer(cameras, desk, presets),
            presets=presets,
            catalogue=catalogue,
            run_config=run_config,
            keeping=Keeping(settings, desk, frames, outbox, run_config),
            exports=Exports(settings, desk, events),
            upload_desk=upload_desk,
            uploads=uploads,
            tus=TusDesk(settings, uploads, limits, upload_desk),
            s3_uploads=S3Desk(settings, uploads, limits, upload_desk),
            jobs=JobDesk(settings, database, assets),
            webhooks=WebhookDesk(database, AddressPolicy.from_settings(settings)),
            doctor=DoctorDesk(Installation(settings, database, engines, model_store(settings))),
            remote_calls=RemoteCalls(database),
            models=ModelDesk(model_store(settings), engines, catalogue),
            people=PeopleDesk(database, events, engines),
            health=Health(database, engines),
            metrics=Metrics(),
            frames=frames,
            events=events,
            counters=CounterMinutes(database),
            assets=assets,
            outbox=OutboxItems(database),
        )


def services() -> Services:
    """The parts of the app that handles this request."""
    parts: Services = current_app.extensions[EXTENSION]
    return parts
