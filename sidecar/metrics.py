"""What Prometheus may scrape: counts and durations, nobody's name."""

from prometheus_client import Counter, Gauge, Histogram

JOBS = Counter("facelease_jobs_total", "Jobs by kind and outcome", ["kind", "outcome"])
JOB_SECONDS = Histogram("facelease_job_seconds", "Seconds a job took", ["kind"])
CHORES = Counter("facelease_chores_total", "Scheduled acts by outcome", ["chore", "outcome"])
EVENTS = Counter("facelease_events_total", "Events of the DAM that were signed, by outcome", ["outcome"])
QUEUE = Gauge("facelease_queue_jobs", "Jobs in the queue by state", ["state"])
PHOTOS = Gauge("facelease_photos", "Photographs in the ledger by how far they are examined", ["examined"])
FACES = Gauge("facelease_faces", "Faces in the ledger by state", ["state"])
GALLERY = Gauge("facelease_templates", "Templates that are kept")
OVERDUE = Gauge("facelease_sweep_age_seconds", "Seconds since the last sweep")
MAILS = Gauge("facelease_mails", "Letters by state", ["state"])
OWED = Gauge("facelease_owed", "What is owed for longer than it takes, by kind", ["kind"])
OWED_SECONDS = Gauge("facelease_owed_seconds", "For how long the oldest of a kind is owed", ["kind"])
