"""All tables under one name. Rules that a single row cannot show live in the repositories.

Table classes validate nothing, so repositories take and give domain types, and the database's CHECKs refuse the rest.
"""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from services.store.tables_access import (
    ApiKeyRow,
    AuditRow,
    PolicyVersionRow,
    WebhookAttemptRow,
    WebhookDeliveryRow,
    WebhookEndpointRow,
)
from services.store.tables_accounts import (
    AccountRow,
    AccountSessionRow,
    CheckpointDatasetRow,
    GoldItemRow,
    LabelUseRow,
    LoginFailureRow,
    QuarantineRow,
    SavedViewRow,
)
from services.store.tables_jobs import IdempotencyKeyRow, JobRow, OutboxRow, ProcessRow
from services.store.tables_nightly import (
    CheckpointRow,
    DatasetRow,
    GateReportRow,
    NightLogRow,
    NightRow,
    NightStageRow,
)
from services.store.tables_operations import AlertNoticeRow, AlertRow, ProcessSampleRow
from services.store.tables_releases import CandidateRunRow, FailureRow, RegressionCaseRow, ReleaseRow
from services.store.tables_returns import (
    EventRow,
    JournalLineRow,
    JournalTransactionRow,
    ReturnRow,
    ShopOrderRow,
    ShopRow,
    ToolActionRow,
    TraceRow,
)
from services.store.tables_review import LabelRow, ReviewItemRow

metadata: MetaData = SQLModel.metadata

__all__ = [
    "AccountRow",
    "AccountSessionRow",
    "AlertNoticeRow",
    "AlertRow",
    "ApiKeyRow",
    "AuditRow",
    "CandidateRunRow",
    "CheckpointDatasetRow",
    "CheckpointRow",
    "DatasetRow",
    "EventRow",
    "FailureRow",
    "GateReportRow",
    "GoldItemRow",
    "IdempotencyKeyRow",
    "JobRow",
    "JournalLineRow",
    "JournalTransactionRow",
    "LabelRow",
    "LabelUseRow",
    "LoginFailureRow",
    "NightLogRow",
    "NightRow",
    "NightStageRow",
    "OutboxRow",
    "PolicyVersionRow",
    "ProcessRow",
    "ProcessSampleRow",
    "QuarantineRow",
    "RegressionCaseRow",
    "ReleaseRow",
    "ReturnRow",
    "ReviewItemRow",
    "SavedViewRow",
    "ShopOrderRow",
    "ShopRow",
    "ToolActionRow",
    "TraceRow",
    "WebhookAttemptRow",
    "WebhookDeliveryRow",
    "WebhookEndpointRow",
    "metadata",
]
