"""The product catalogue: one row a product, from the vendor's documentation and published API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class SeatUnit(StrEnum):
    """What one unit of a quota is taken by."""

    USER = "user"
    SESSION = "session"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Product:
    """One row of the catalogue.

    `feature` is the API's name. `quota_field`, `used_field`, `machine_quota_field`, `expiry_field`
    and `offline_field` are the names in the API's OrganizationResource; where they are `assumed`,
    no version of the vendor's specification has them, and they are made up after the others.
    `page` is the product's slug in the License Management page, as seen in a browser and not
    documented by the vendor.
    """

    key: str
    name: str
    feature: str
    seat: SeatUnit
    users: bool
    machines: bool
    quota_field: str
    used_field: str
    expiry_field: str
    machine_quota_field: str | None = None
    offline_field: str | None = None
    page: str | None = None
    assumed: bool = False


_ROWS = (
    Product(
        key="kse",
        name="Katalon Studio Enterprise (per-user)",
        feature="KSE",
        seat=SeatUnit.USER,
        users=True,
        machines=True,
        quota_field="quotaKSE",
        used_field="usedKSE",
        expiry_field="subscriptionExpiryDateKSE",
        machine_quota_field="machineQuotaKSE",
        offline_field="canCreateOfflineKSE",
        page="per_user_kse",
    ),
    Product(
        key="kse-floating",
        name="Katalon Studio Enterprise (floating)",
        feature="UNLIMITED_KSE",
        seat=SeatUnit.SESSION,
        users=True,
        machines=True,
        quota_field="quotaUnlimitedKSE",
        used_field="usedUnlimitedKSE",
        expiry_field="subscriptionExpiryDateUnlimitedKSE",
        offline_field="canCreateOfflineKSE",
        page="unlimited_kse",
        assumed=True,
    ),
    Product(
        key="kre-node-locked",
        name="Katalon Runtime Engine (node-locked)",
        feature="ENGINE",
        seat=SeatUnit.MACHINE,
        users=False,
        machines=True,
        quota_field="quotaEngine",
        used_field="usedEngine",
        expiry_field="subscriptionExpiryDateEngine",
        machine_quota_field="machineQuotaEngine",
        offline_field="canCreateOfflineRE",
        page="engine",
    ),
    Product(
        key="kre-floating",
        name="Katalon Runtime Engine (floating)",
        feature="UNLIMITED_ENGINE",
        seat=SeatUnit.SESSION,
        users=True,
        machines=True,
        quota_field="quotaUnlimitedEngine",
        used_field="usedUnlimitedEngine",
        expiry_field="subscriptionExpiryDateUnlimitedEngine",
        offline_field="canCreateOfflineRE",
        page="unlimited_engine",
        assumed=True,
    ),
    Product(
        key="kre-devops",
        name="Katalon Runtime Engine (DevOps, retired)",
        feature="FLOATING_ENGINE",
        seat=SeatUnit.SESSION,
        users=True,
        machines=True,
        quota_field="quotaFloatingEngine",
        used_field="usedFloatingEngine",
        expiry_field="subscriptionExpiryDateFloatingEngine",
        offline_field="canCreateOfflineRE",
    ),
    Product(
        key="testops",
        name="Katalon TestOps",
        feature="TESTOPS",
        seat=SeatUnit.USER,
        users=True,
        machines=False,
        quota_field="quotaTestOps",
        used_field="usedTestOps",
        expiry_field="subscriptionExpiryDateTestOps",
    ),
)

PRODUCTS: Mapping[str, Product] = MappingProxyType({row.key: row for row in _ROWS})
"""Every product by its key in our files, in the order in which reports list them."""

BY_FEATURE: Mapping[str, Product] = MappingProxyType({row.feature: row for row in _ROWS})
"""Every product by the API's name for it."""
