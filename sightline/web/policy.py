"""Who may call what: one table for every route and every Socket.IO event. What it does not name is refused.

`guard` looks a request's endpoint up here before any view runs; `sockets` does the same for events. A test walks the app's
whole URL map and all event handlers against these tables.
"""

from enum import Enum

from sightline.web.accounts import Role

VIEWER, OPERATOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN


class Public(Enum):
    """Marks what needs no login."""

    PUBLIC = 0


PUBLIC = Public.PUBLIC
Access = Role | Public

ENDPOINTS: dict[str, Access] = {
    "static": PUBLIC,
    "pages.index": PUBLIC,  # sends strangers to the login page
    "pages.login": PUBLIC,
    "docs.document": PUBLIC,
    "docs.swagger": PUBLIC,
    "docs.redoc": PUBLIC,
    "docs.asset": PUBLIC,
    "session.login": PUBLIC,
    "session.token": PUBLIC,
    "session.logout": PUBLIC,
    "session.me": VIEWER,
    "session.change_password": VIEWER,
    "users.list_users": ADMIN,
    "users.add_user": ADMIN,
    "users.change_user": ADMIN,
    "users.delete_user": ADMIN,
    "cameras.list_cameras": VIEWER,
    "cameras.get_camera": VIEWER,
    "cameras.add_camera": ADMIN,
    "cameras.change_camera": ADMIN,
    "cameras.delete_camera": ADMIN,
    "cameras.start_camera": OPERATOR,
    "cameras.stop_camera": OPERATOR,
    "cameras.probe": ADMIN,
    "cameras.export_cameras": ADMIN,
    "cameras.import_cameras": ADMIN,
    "processing.get_options": VIEWER,
    "processing.change_options": OPERATOR,
    "processing.get_chain": VIEWER,
    "processing.put_chain": OPERATOR,
    "processing.set_processing": OPERATOR,
    "processing.get_stats": VIEWER,
    "processing.reset_stats": OPERATOR,
    "processing.get_findings": VIEWER,
    "processing.start_tracking": OPERATOR,
    "processing.stop_tracking": OPERATOR,
    "presets.list_presets": VIEWER,
    "presets.save_preset": OPERATOR,
    "presets.delete_preset": OPERATOR,
    "presets.apply_preset": OPERATOR,
    "costs.get_costs": VIEWER,
    "costs.measure": ADMIN,
    "pictures.mjpeg": VIEWER,
    "pictures.snapshot": VIEWER,
    "kept.save_frame": OPERATOR,
    "kept.cloud_upload": OPERATOR,
    "kept.list_frames": VIEWER,
    "kept.frame_image": VIEWER,
    "kept.delete_frame": OPERATOR,
    "kept.list_uploads": OPERATOR,
    "kept.retry_upload": OPERATOR,
    "kept.list_events": VIEWER,
    "kept.camera_events": VIEWER,
    "counters.camera_counters": VIEWER,
    "kept.export_camera": OPERATOR,
    "kept.get_export": OPERATOR,
    "uploads.upload_video": OPERATOR,
    "uploads.list_assets": OPERATOR,
    "uploads.delete_asset": OPERATOR,  # of others: admin, checked by the desk
    "uploads.get_upload": OPERATOR,
    "uploads.ways": OPERATOR,
    "uploads.begin_s3": OPERATOR,
    "uploads.s3_parts": OPERATOR,
    "uploads.complete_s3": OPERATOR,
    "uploads.end_s3": OPERATOR,
    "tus.describe": PUBLIC,
    "tus.add": OPERATOR,
    "tus.look": OPERATOR,
    "tus.write": OPERATOR,
    "tus.override": OPERATOR,
    "tus.end": OPERATOR,
    "jobs.list_kinds": OPERATOR,
    "jobs.add_job": OPERATOR,
    "jobs.add_job_from_assets": OPERATOR,
    "jobs.add_job_from_urls": OPERATOR,
    "jobs.process_video": OPERATOR,
    "jobs.processing_status": OPERATOR,
    "jobs.list_all_jobs": ADMIN,
    "jobs.cancel_and_delete_job": ADMIN,
    "jobs.list_jobs": OPERATOR,
    "jobs.get_job": OPERATOR,
    "jobs.cancel_job": OPERATOR,
    "jobs.retry_job": OPERATOR,
    "jobs.add_job_again": OPERATOR,
    "jobs.pin_job": OPERATOR,
    "jobs.delete_job": OPERATOR,
    "jobs.job_log": OPERATOR,
    "jobs.job_preview": OPERATOR,
    "jobs.job_output": OPERATOR,
    "job_files.all_outputs": OPERATOR,
    "job_files.list_shots": OPERATOR,
    "job_files.get_shot_picture": OPERATOR,
    "doctor.get_doctor": OPERATOR,
    "webhooks.list_webhooks": ADMIN,
    "webhooks.add_webhook": ADMIN,
    "webhooks.change_webhook": ADMIN,
    "webhooks.delete_webhook": ADMIN,
    "webhooks.test_webhook": ADMIN,
    "webhooks.list_deliveries": ADMIN,
    "webhooks.redeliver": ADMIN,
    "remote_calls.runpod_call": PUBLIC,  # for those who know a job's token
    "identities.list_identities": OPERATOR,
    "identities.add_identity": ADMIN,
    "identities.add_pictures": ADMIN,
    "identities.add_face": ADMIN,
    "identities.look_at_camera": ADMIN,
    "identities.rename_identity": ADMIN,
    "identities.forget_identity": ADMIN,
    "models.list_models": VIEWER,
    "models.download": ADMIN,
    "models.cancel": ADMIN,
    "models.verify": ADMIN,
    "models.remove": ADMIN,
    "models.sync": ADMIN,
    "models.model_download": ADMIN,
    "dashboard.video_feed": VIEWER,
    "dashboard.start_camera": OPERATOR,  # another source than the present one: admin, checked in the view
    "dashboard.stop_camera": OPERATOR,
    "dashboard.toggle_processing": OPERATOR,
    "dashboard.update_options": OPERATOR,
    "dashboard.get_options": VIEWER,
    "dashboard.save_frame": OPERATOR,
    "dashboard.cloud_upload": OPERATOR,
    "dashboard.stats": VIEWER,
    "dashboard.reset_stats": OPERATOR,
    "dashboard.start_tracking": OPERATOR,
    "dashboard.stop_tracking": OPERATOR,
    "dashboard.advanced_options": VIEWER,
    "dashboard.stages": VIEWER,
    "dashboard.get_stream_config": ADMIN,
    "dashboard.set_stream_config": ADMIN,
    "dashboard.export_data": OPERATOR,
    "operations.health": PUBLIC,
    "operations.health_slash": PUBLIC,
    "operations.api_health": PUBLIC,
    "operations.detailed": PUBLIC,  # names cameras only to those who may see them all
    "operations.readiness": PUBLIC,
    "operations.liveness": PUBLIC,
    "operations.metrics": OPERATOR,
}

DEFAULT_CAMERA_ENDPOINTS = frozenset(
    f"dashboard.{name}"
    for name in (
        "start_camera", "stop_camera", "toggle_processing", "update_options", "get_options", "cloud_upload", "stats", "reset_stats",
        "start_tracking", "stop_tracking", "export_data",
    )
)  # fmt: skip
"""Routes that drive the default camera, without naming it in the path."""

EVENTS: dict[str, Access] = {
    "connect": VIEWER,
    "disconnect": PUBLIC,
    "subscribe": VIEWER,
    "unsubscribe": VIEWER,
}
