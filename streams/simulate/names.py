"""Names and ids of what does not exist: brands, groups in two languages, pseudonyms."""

import base64
import hashlib
from random import Random

import msgspec


class Brand(msgspec.Struct, frozen=True):
    """One brand: its platforms, its language ("zh" or "en"), currency, and the usual price in minor units."""

    brand_id: str
    platforms: tuple[str, ...]
    language: str
    currency: str
    price: int
    topics: tuple[str, ...]


BRANDS = (
    Brand("lotus-tea", ("wecom", "wechat"), "zh", "CNY", 12_800, ("茶友交流", "新茶尝鲜", "老茶客", "茶艺学堂")),
    Brand("green-sprout", ("wecom", "wechat"), "zh", "CNY", 19_900, ("新手妈妈互助", "辅食打卡", "绘本共读", "好物团")),
    Brand("wheatfield", ("wechat", "wecom", "whatsapp"), "zh", "CNY", 5_600, ("烘焙同好", "早餐会", "吐司研究所")),
    Brand("north-peak", ("telegram", "whatsapp"), "en", "EUR", 8_900, ("Trail Runners", "Weekend Hikes", "Gear Talk")),
    Brand("paw-pals", ("whatsapp", "telegram"), "en", "USD", 3_400, ("Puppy Parents", "Cat People", "Senior Dogs")),
)
_PLACES = {
    "zh": ("杭州", "上海", "成都", "广州", "深圳", "武汉", "西安", "苏州", "厦门", "长沙"),
    "en": ("Leeds", "Oslo", "Austin", "Bristol", "Denver", "Cork", "Lyon", "Porto", "Turin", "Ghent"),
}
_ZONES = {"zh": (("Asia/Shanghai", 8),), "en": (("Europe/London", 1), ("Europe/Paris", 2), ("America/New_York", -4))}
_OWNERS = {"zh": ("林小满", "周舟", "陈一诺", "许愿", "何苗"), "en": ("Anna", "Tom", "Priya", "Marek", "Jo")}


def group_name(rng: Random, brand: Brand, number: int) -> str:
    """A display name as operators give them. Not unique: names are never keys."""
    topic, place = rng.choice(brand.topics), rng.choice(_PLACES[brand.language])
    if brand.language == "zh":
        return f"{place}{topic}{number}群" + rng.choice(("", "", "", "🌱"))
    return f"{topic} {place} #{number}" + rng.choice(("", "", "", " ☕"))


def zone(rng: Random, brand: Brand) -> tuple[str, int]:
    """A time zone and the hours that it is east of Greenwich in summer, which the fleet lives by all year."""
    return rng.choice(_ZONES[brand.language])


def owner(rng: Random, brand: Brand) -> str:
    """Who of the brand's staff runs the group."""
    return rng.choice(_OWNERS[brand.language])


def channel_id(rng: Random, platform: str) -> str:
    """A channel's id in the shape that its platform gives."""
    if platform == "telegram":
        return f"-100{rng.randrange(10**9, 10**10)}"
    if platform == "whatsapp":
        return f"12036304{rng.randrange(10**9, 10**10)}@g.us"
    if platform == "wechat":
        return f"{rng.randrange(10**10, 10**11)}@chatroom"
    return "wr" + "".join(rng.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=12))


def pseudonym(seed: int, brand_id: str, platform: str, number: int) -> str:
    """The member_id of the n-th person of a brand on a platform, in the shape of a real one."""
    digest = hashlib.sha256(f"{seed}\0{brand_id}\0{platform}\0{number}".encode()).digest()
    return "m_" + base64.urlsafe_b64encode(digest[:12]).decode()
