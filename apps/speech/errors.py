"""Why something could not be heard, with the mend."""

from __future__ import annotations

from apps.core.errors import ClawdbotError


class CannotHear(ClawdbotError):
    """I could not hear that. Please type it."""

    code = "cannot_hear"
    zh = "这条语音没能听出来。请打字告诉我。"
    http_status = 422
    permanent = True


class NoTranscriber(CannotHear):
    """I cannot listen to voice messages here yet. Please type it. (An administrator can set up
    speech: manage.py speech.)"""

    code = "no_transcriber"
    zh = "这里还不能听语音，请打字告诉我。（管理员可以用 manage.py speech 配置语音识别。）"


class NotSound(CannotHear):
    """This is no sound that I can play ({why}). Please record it again, or type it."""

    code = "not_sound"
    zh = "这段声音无法播放（{why}）。请重录一条，或者打字。"


class TooLong(CannotHear):
    """The recording is longer than {seconds} s. Please say it shorter, or type it."""

    code = "too_long"
    zh = "语音超过 {seconds} 秒。请说短一点，或者打字。"


class Silence(CannotHear):
    """I heard no words in it. Please come closer to the microphone, or type it."""

    code = "silence"
    zh = "没有听到说话。请靠近话筒再说一次，或者打字。"


class TryLater(CannotHear):
    """The transcriber does not answer now ({why}). Please type it, or say it again later."""

    code = "transcriber_away"
    zh = "语音识别现在没有应答（{why}）。请打字，或稍后再说一次。"
    http_status = 503
    permanent = False


class RefusedHere(CannotHear):
    """The transcriber refuses us ({why}); an administrator has to look at it (manage.py speech
    check). Please type it."""

    code = "transcriber_refuses"
    zh = "语音识别服务拒绝了请求（{why}），需要管理员处理（manage.py speech check）。请先打字。"
    http_status = 502
