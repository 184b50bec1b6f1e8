"""What the words right before a number say it is."""

from __future__ import annotations

import re

NEAR = 28
_LINK = r"[\s:#=\"'(]*(?:(?:是|为|is|was)[\s:]*)?$"

# The nearest label counts: 订单联系电话138… is a phone, 订单号138… is not.
_OTHER = re.compile(
    r"(?i)(?:(?:订单|流水|运单|快递|物流|跟踪|追踪|工单|合同|发票|凭证|交易|批次|批|序列|设备|产品|商品|货|案|"
    r"单|编|帐|账单|参考|文件|版本|任务)(?:单|编)?(?:号码|号)"
    r"|批次|流水|单号|时间戳|金额|价格|总价|合计|余额|数量|条码|条形码|端口|qq群?号?码?|qq|群号|imei|"
    r"(?:[a-z]{1,10}[ _-]?)?(?:orders?|tracking|invoice|serial|batch|ticket|waybill|"
    r"parcel|shipment|"
    r"reference|ref|timestamp|ts|amount|price|total|sku|sn|build|commit|version|job|task|trace|"
    r"request|session)"
    r"(?:[ _-]?(?:numbers?|no\.?|id|code|#))?)" + _LINK,
    re.ASCII,
)
_LETTERS = re.compile(r"[A-Za-z_]+$")
_LETTERS_BEFORE = frozenset(
    {
        *(
            "tel",
            "phone",
            "mobile",
            "mob",
            "cell",
            "ph",
            "fax",
            "call",
            "t",
            "m",
            "id",
            "no",
            "card",
        ),
        *("visa", "mastercard", "unionpay", "amex", "jcb", "idcard", "sfz", "zjhm"),
    }
)
_UNIT = re.compile(
    r"(?i) ?(?:元|块|万|亿|美元|港币|人民币|rmb|cny|usd|hkd|eur|"
    r"[kmgt]?i?b(?![a-z])|bytes?|字节|毫秒|ms(?![a-z])|"
    r"次|个|人次|条|行|%|点积分|积分)",
    re.ASCII,
)


def said_before(text: str, start: int, size: int = NEAR) -> str:
    """The characters right before a place."""
    return text[max(0, start - size) : start]


def another_number(text: str, start: int) -> bool:
    """Is it labelled as an order, a serial number, an amount, or the like?"""
    return _OTHER.search(said_before(text, start)) is not None


def glued(text: str, start: int, end: int) -> bool:
    """Is it a part of a word of ASCII letters, other than `tel` and its like?"""
    if text[end : end + 1].isascii() and (
        text[end : end + 1].isalpha() or text[end : end + 1] == "_"
    ):
        return True
    word = _LETTERS.search(said_before(text, start))
    return word is not None and word.group().lower() not in _LETTERS_BEFORE


def amount(text: str, start: int, end: int) -> bool:
    """Is it money, a size or a count?"""
    return text[max(0, start - 1) : start] in {"¥", "$", "€", "£", "￥"} or bool(
        _UNIT.match(text, end)
    )
