"""The tables about storage: where data and keys lie, and how long each kind is kept."""

from plugin.config.base import ConfigPath, Count, Section, StoreUrl


class StoreSection(Section):
    """Where the ledger's database is."""

    url: StoreUrl = "sqlite:///{data}/ledger.db"


class KeysSection(Section):
    """Where the master key and ended.log lie: never beside the store's backups."""

    master_file: ConfigPath = "{data}/keys/master.json"
    master_command: tuple[str, ...] = ()
    ended_log: ConfigPath = "{data}/keys/ended.log"
    heads_file: ConfigPath = "{data}/keys/audit-heads.log"
    heads_key_file: ConfigPath = "{data}/keys/heads.key"
    names_file: ConfigPath = "{data}/keys/names.key"


class BackupSection(Section):
    """Where backups lie, and how long their keys are kept."""

    folder: ConfigPath = "{data}/backups"
    key_days: Count = 30


class RetentionSection(Section):
    """How long each kind of row is kept."""

    evidence_months: Count = 24
    boxes_months: Count = 60
    events_days: Count = 30
    jobs_days: Count = 30
    intents_months: Count = 12
    audit_months: Count = 84
    logs_days: Count = 30
    mails_days: Count = 90
    links_days: Count = 90
    taken_off_months: Count = 84
