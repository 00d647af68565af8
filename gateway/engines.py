"""An engine with what stands before it: documents, cost, rate and audit, as the settings say."""

import time
from pathlib import Path
from typing import NamedTuple

import strawberry

from contracts.settings import BadSetting, Settings, split_setting
from gateway.admission import Admission
from gateway.audit import AuditLog
from gateway.audit_files import AUDIT_FOLDER
from gateway.auditing import Auditor
from gateway.authorization import Authorization
from gateway.cost_meters import CostMeter
from gateway.costs import CostMode, CostModel
from gateway.document_directory import DocumentDirectory, DocumentMode
from gateway.documents import Documents
from gateway.execution import ContextFactory, Engine
from gateway.operations_manifest import BadManifest
from gateway.rate_limits import RateLimits
from gateway.step_up import StepUp
from gateway.toll import Toll
from gateway.trusted_documents import TrustedDocuments


class Assembly(NamedTuple):
    """The engine, and the parts of it that others need as well."""

    engine: Engine
    rates: RateLimits
    audit: AuditLog
    trusted: TrustedDocuments | None


def assemble_engine(settings: Settings, schema: strawberry.Schema, make_context: ContextFactory) -> Assembly:
    """Build an engine; reads the manifest of trusted documents where one is set.

    Raises:
        BadSetting: the manifest cannot be used.
    """
    core = schema._schema  # noqa: SLF001 (Strawberry has no public way to its GraphQLSchema)
    documents = Documents(core)
    trusted = _trusted(settings, documents)
    rates = RateLimits(
        customer_cost_per_minute=settings.customer_cost_per_minute,
        address_requests_per_minute=settings.address_requests_per_minute,
        clock=time.monotonic,
    )
    audit = AuditLog(settings.data_dir / AUDIT_FOLDER)
    directory = DocumentDirectory(documents, mode=DocumentMode(settings.documents), trusted=trusted)
    costs = CostModel(core)
    toll = Toll(costs, rates, mode=CostMode(settings.cost_mode), cost_max=settings.cost_max)
    step_up = StepUp(acrs=split_setting(settings.step_up_acrs), max_age_s=settings.step_up_max_age_s, clock=time.time)
    authorization = Authorization(core, step_up)
    engine = Engine(
        schema,
        directory,
        toll,
        authorization,
        Auditor(audit),
        CostMeter(core, costs, limit=settings.cost_max),
        make_context,
        timeout_s=settings.request_timeout_s,
        admission=Admission(settings.subscribes_per_s),
    )
    return Assembly(engine, rates, audit, trusted)


def _trusted(settings: Settings, documents: Documents) -> TrustedDocuments | None:
    if not settings.documents_manifest:
        return None
    try:
        return TrustedDocuments(Path(settings.documents_manifest), settings.documents_key, documents)
    except BadManifest as error:
        raise BadSetting(f"BELFRY_DOCUMENTS_MANIFEST: {error.message}") from None
