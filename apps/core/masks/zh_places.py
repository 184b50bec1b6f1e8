"""Chinese addresses: a road and a number in a place, or whatever follows 地址."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.found import Span

_HAN = "\u4e00-\u9fff"
_PLACES = (
    "北京|上海|天津|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|"
    "云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门|广州|深圳|杭州|南京|苏州|成都|武汉|西安|长沙|郑州|"
    "青岛|宁波|厦门|福州|济南|合肥|南昌|昆明|南宁|贵阳|太原|石家庄|哈尔滨|长春|沈阳|大连|无锡|常州|佛山|东莞|珠海|"
    "中山|惠州|温州|嘉兴|绍兴|金华|台州|泉州|烟台|潍坊|徐州|南通|扬州|海口|三亚|兰州|西宁|银川|乌鲁木齐|拉萨|呼和浩特|"
    "台北|高雄|九龙"
)
_UNITS = r"(?:号楼|号院|栋|幢|座|单元|层|楼|室|户|房|号)"
# A road with its number; the weak ones need a city or a district before them.
_STRONG = r"(?:大道|大街|路|街|巷|弄|胡同)"
_WEAK = r"(?:道|里|村|园|区|镇|乡|组|屯|小区|花园|广场|大厦|公寓|中心|新村|家园|城)"
_CORE = re.compile(
    rf"(?:(?P<strong>{_STRONG})|{_WEAK})"
    r"(?:[东西南北中]?[一二三四五六七八九十]?[段路巷])? ?(?:第 ?)?[甲乙丙]?"
    rf"[0-9]{{1,5}}(?:[-至之、][0-9]{{1,4}})? ?{_UNITS}"
)
_BUILDING = (
    r"[\u4e00-\u9fffA-Za-z0-9]{1,12}?(?:大厦|大楼|写字楼|中心|广场|小区|花园|公寓|园区|科技园|软件园|产业园|"
    r"家园|国际|新村|[苑庭]|SOHO)"
)
_NUMBERED = rf"第?[A-Za-z]?[0-9]{{1,5}}(?:-[0-9]{{1,5}}){{0,3}}[A-Za-z]? ?{_UNITS}"
_MORE = re.compile(
    rf" ?(?:{_BUILDING})?(?: ?(?:{_NUMBERED}|[A-Za-z][座栋区]|[东西南北][区门楼塔])){{1,5}}"
    r"|(?<=[元栋幢座楼号]) ?[0-9]{2,4}(?![0-9A-Za-z元年月日人个:.])"
    rf"|{_BUILDING}(?=[^\u4e00-\u9fff]|$)"
)
_RUN = re.compile(rf"[{_HAN}A-Za-z0-9·-]{{0,40}}$")
_ADMIN = re.compile(rf"(?:{_PLACES})|[{_HAN}]{{2,3}}(?:省|市|区|县|旗|镇|州)")
_CUT = re.compile(r"(?:在|到|至|往|住|址|寄|送|是|为|位于|坐落于|来自|去|给|:|从|快递|搬)")
_ADDRESS = re.compile(
    r"(?<!IP)(?<!ip)(?<!Ip)(?<!邮箱)(?<!邮件)(?<!网络)(?<!链接)(?<!内存)(?<!MAC)(?<!页面)(?<!接口)"
    r"(?:地址|住址|地点是|户籍所在地|户籍地|籍贯|所在地|住处)[ :\"'=]{0,3}(?:[是为][ :]?)?"
    r"(?P<rest>[^,;，。；！!?？\n\"'<>{}]{4,60})"
)
_INSIDE = re.compile(r"[省市区县镇乡路街道巷弄村州]|[0-9]+ ?[号室栋]")
_NOT_INSIDE = re.compile(
    r"://|@|电话|手机|^(?:不|请|已|未|有|和|与|及|变更|格式|解析|错误|栏|信息)"
)
_CHINESE = re.compile(rf"[{_HAN}]")
_LIVES = re.compile(
    rf"(?:家住|住在|居住在|现居|寄到|送到|寄往|寄至|送至|发往)(?P<rest>[{_HAN}A-Za-z0-9·-]{{4,40}})"
)
_DETAIL = re.compile(
    rf"[{_HAN}]{{2,8}}?(?:区|县|市)[{_HAN}A-Za-z0-9]{{1,20}}?(?:路|街|道|小区|村|花园|大厦|广场|公寓|苑|胡同|SOHO|中心)"
)
_END_LABEL = re.compile(
    r" ?(?:联系人|联系电话|收件人|收货人|电话|手机|邮编|姓名| {2}| [0-9]{11}| 1[3-9]).*$"
)


def find(text: str) -> Iterator[Span]:
    """Addresses in a folded text."""
    taken = 0
    for core in _CORE.finditer(text):
        start = _start(text, core, taken)
        if start is None:
            continue
        taken = _extended(text, core.end())
        yield Span(start, taken, "ADDRESS")
    if "址" in text or "籍" in text or "所在地" in text:
        yield from _labelled(text)
    for match in _LIVES.finditer(text):
        detail = _DETAIL.match(match["rest"])
        if detail:
            start = match.start("rest")
            yield Span(start, start + detail.end(), "ADDRESS")


def _start(text: str, core: re.Match[str], taken: int) -> int | None:
    """Where the address begins whose road and number these are; None for no address."""
    run = _RUN.search(text[max(taken, core.start() - 40) : core.start()])
    segment = run.group() if run else ""
    begin = core.start() - len(segment)
    cuts = [cut.end() for cut in _CUT.finditer(segment)]
    offset = cuts[-1] if cuts else 0
    admin = _ADMIN.search(segment, offset)
    said = bool(cuts) or _CUT.search(text[max(0, begin - 2) : begin]) is not None
    if admin is None and not (said and core["strong"]):
        return None
    start = begin + (admin.start() if admin else offset)
    return start if core.start() - start >= 1 else None


def _extended(text: str, end: int) -> int:
    for _ in range(4):
        more = _MORE.match(text, end)
        if not more or more.end() == end:
            break
        end = more.end()
    return end


def _labelled(text: str) -> Iterator[Span]:
    for match in _ADDRESS.finditer(text):
        rest = _END_LABEL.sub("", match["rest"]).rstrip(" .)")
        if len(rest) < 4 or _NOT_INSIDE.search(rest) or not _CHINESE.search(rest):
            continue
        if _INSIDE.search(rest):
            yield Span(match.start("rest"), match.start("rest") + len(rest), "ADDRESS")
