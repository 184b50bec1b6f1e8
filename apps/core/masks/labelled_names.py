"""Names that a word before them gives away: 姓名, 收件人, `name:`. Others need a directory."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.fold import lower
from apps.core.masks.found import Span

_SINGLE = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方"
    "俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄穆萧尹姚邵湛汪祁毛禹狄米贝明臧"
    "计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢"
    "莫房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程嵇邢裴陆荣翁荀羊惠甄曲封芮储靳焦牧谷车侯宓蓬全班仰秋仲伊宫宁仇"
    "栾甘厉祖武符刘景詹束龙叶幸司韶黎印怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘翟谭贡劳姬申扶堵冉宰郦雍桑桂濮牛"
    "寿通边扈燕冀浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧沃利蔚越夔"
    "隆师巩聂晁勾敖融冷訾辛阚那简饶空曾沙养鞠须丰关蒯相查后荆红游竺权盖益桓公覃佟肖岳帅缑亢况有琴商牟佘伯赏墨哈谯笪"
    "年爱阳佰涂闫"
)
_DOUBLE = (
    "欧阳|司马|上官|诸葛|夏侯|皇甫|尉迟|公孙|慕容|令狐|宇文|长孙|司徒|东方|南宫|独孤|端木|轩辕"
)
_LABEL = (
    r"姓名|名字|联系人|收件人|收货人|寄件人|发件人|申请人|负责人|经办人|持卡人|户名|开户人|法人|法定代表人|乘客|"
    r"乘机人|入住人|患者|员工|客户|投保人|被保险人|紧急联系人|候选人|面试者|我叫|他叫|她叫|名叫|署名|签收人|代收人"
)
_ZH = re.compile(
    rf"(?:{_LABEL})(?P<link>[ :\"'=]{{0,4}}(?:(?:是|为|叫)[ :]{{0,2}})?)"
    rf"(?P<name>(?:{_DOUBLE}|[{_SINGLE}])[\u4e00-\u9fff]{{1,3}}(?:·[\u4e00-\u9fff]{{1,8}})?)"
)
_FOREIGN_ZH = re.compile(
    rf"(?:{_LABEL})[ :\"'=是为]{{0,4}}(?P<name>[\u4e00-\u9fff]{{1,8}}·[\u4e00-\u9fff]{{1,8}})"
)
_DOUBLES = re.compile(_DOUBLE)
_FAMILY = re.compile(rf"{_DOUBLE}|[{_SINGLE}]")
# What may follow a name at once; so the shortest that ends before such a word is taken.
_AFTER = re.compile(
    r"$|[^\u4e00-\u9fffA-Za-z]|电话|手机|联系|先生|女士|小姐|老师|经理|同学|主任|总监|医生|的|和|与|及|在|已|是|身份|证|"
    r"住|地址|邮|收|，|今天|明天|昨天|请|要|来|去|说|于|将|需|有|会|不|性别|年龄|部门|工号|负责|申请|提交"
)
_NOT_NAMES = re.compile(
    r"方式|方法|信息|名单|时间|应|如果|任何|任意|通常|需|都|和|与|及|有|从|成为|成功|关于|关系|相同|相关|公司|公开|单位|支持|"
    r"经|能|可|查|查询|解释|计划|国|文件|文字|文本|后|年龄|那|全|全部|全名|利|别|干|居住|高度|安排|包括|包含|管理|连接|池|"
    r"易|向|是|通过|通知|满意|充|容易|空|习惯|商|明确|明细|师|车|水|花|平台|常用|时|解|万|双方|东西|广|益|益处|终|终止|温馨|"
    r"爱|盖章|古|步|印|祝|须|封|强|项目|项|左|路|广告|边|游|沙|阳|越|欧|年|幸|伏|乐|章|席|余额|元|华|云|景|贝|安|宁|康"
)
_TITLE = re.compile(
    r".(?:女士|先生|小姐|太太|老师|经理|总监|主任|工程|师傅|医生|教授|总|工|哥|姐)$"
)
_SURE_NAMES = re.compile(
    r"(?:余|华|云|景|安|宁|康|时|万|项|左|路|易|向|居|文|车|水|花|章|席|贝|元|欧|沙|游|封|印|祝)[\u4e00-\u9fff]{1,2}$"
)
_LABELS = tuple(_LABEL.split("|"))
_EN_HINTS = ("name", "recipient", "consignee", "attn", "attention", "contact", "cardholder", " to")
_EN_LABEL = (
    r"(?:(?:full|first|last|given|family|legal|contact|customer|client|employee|patient|guest|passenger|recipient|"
    r"cardholder|applicant|my|his|her|their)[ _]?name|(?<![A-Za-z_.-] )(?<![A-Za-z_.-])name|"
    r"recipient|consignee|"
    r"attn|attention|contact person|cardholder|ship to|deliver to)"
)
_COLON = r"[\"' ]{0,2}[:=][\"' ]{0,3}"
_EN_WORD = r"[A-Z][A-Za-z'-]{0,24}"
_EN_NAME = rf"(?P<name>{_EN_WORD}(?:(?: [A-Z]\.)? {_EN_WORD}){{0,3}})"
_EN = re.compile(
    rf"(?<![A-Za-z])(?i:{_EN_LABEL})(?i:{_COLON}| is (?:called )?){_EN_NAME}(?![A-Za-z0-9_])"
)
_EN_ZH = re.compile(
    rf"(?<![A-Za-z])(?i:{_EN_LABEL}){_COLON}"
    rf"(?P<name>(?:{_DOUBLE}|[{_SINGLE}])[\u4e00-\u9fff]{{1,2}})(?![\u4e00-\u9fff])"
)
_ZH_EN = re.compile(
    rf"(?:{_LABEL})[ :\"'=]{{0,4}}(?:(?:是|为|叫)[ :]{{0,2}})?{_EN_NAME}(?![A-Za-z0-9_])"
)
_PROGRAM = re.compile(r"[a-z]{2}[A-Z]")
_COMMON = frozenset(
    {
        *("the", "this", "that", "not", "none", "null", "true", "false", "na", "tbd", "unknown"),
        *("required", "please", "enter", "your", "id", "api", "url", "http", "https", "email"),
        *("phone", "tel", "address", "company", "date", "number", "no", "yes", "admin", "test"),
        *("user", "users", "system", "default", "string", "type", "value", "text", "production"),
        *("staging", "server", "service", "report", "file", "table", "list"),
    }
)


def find(text: str) -> Iterator[Span]:
    """Names in a folded text."""
    shapes: list[re.Pattern[str]] = []
    if any(label in text for label in _LABELS):
        yield from _chinese(text)
        shapes.append(_ZH_EN)
    lowered = lower(text)
    if any(label in lowered for label in _EN_HINTS):
        for match in _EN_ZH.finditer(text):
            yield Span(match.start("name"), match.end("name"), "NAME")
        shapes.append(_EN)
    for shape in shapes:
        for match in shape.finditer(text):
            name = match["name"].rstrip("'-")
            if _english(name):
                yield Span(match.start("name"), match.start("name") + len(name), "NAME")


def _english(name: str) -> bool:
    """Is it a name, and no word of every day or of a program: `CounterName`, `EVENT`?"""
    if len(name) < 2 or name.split(" ")[0].lower() in _COMMON:
        return False
    return not _PROGRAM.search(name) and (" " in name or len(name) < 4 or not name.isupper())


def _chinese(text: str) -> Iterator[Span]:
    for match in _ZH.finditer(text):
        name = _name(match)
        if name:
            yield Span(match.start("name"), match.start("name") + len(name), "NAME")
    for match in _FOREIGN_ZH.finditer(text):
        yield Span(match.start("name"), match.end("name"), "NAME")


def _good(name: str, link: bool) -> bool:
    """Is it a name, and not a word that begins like one?"""
    if _TITLE.fullmatch(name):
        return False
    if _DOUBLES.match(name) or not _NOT_NAMES.match(name):
        return True
    return link and _SURE_NAMES.fullmatch(name) is not None


def _name(match: re.Match[str]) -> str:
    """The name alone; "" when it is none."""
    name = match["name"]
    if "·" in name:
        return name
    link = bool(match["link"].strip())
    family = _FAMILY.match(name)
    least = family.end() + 1 if family else 2
    for size in range(least, min(least + 2, len(name)) + 1):
        after = _AFTER.match(match.string, match.start("name") + size)
        if after:
            return name[:size] if _good(name[:size], link) else ""
    return name[: least + 1] if link and not _NOT_NAMES.match(name) else ""
