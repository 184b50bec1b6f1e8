// What the page itself says, in both languages.

const TEXTS = {
  live: ["已连接", "Connected"],
  connecting: ["正在连接…", "Connecting…"],
  polling: ["正在重新连接，消息仍会送达", "Reconnecting; messages still arrive"],
  offline: ["没有网络", "No connection"],
  sending: ["发送中…", "Sending…"],
  resending: ["网络不通，正在重试…", "No connection, trying again…"],
  failed: ["未发送", "Not sent"],
  again: ["重发", "Send again"],
  waiting: ["已收到", "Received"],
  limited: ["太快了，未处理", "Too fast, not handled"],
  dead: ["处理失败", "Could not be handled"],
  ignored: ["未处理", "Not handled"],
  clicked: ["点击了", "Clicked"],
  today: ["今天", "Today"],
  yesterday: ["昨天", "Yesterday"],
  expired: ["已过期", "Expired"],
  paired: ["已绑定：", "Connected: "],
  unreachable: ["暂时连不上服务器，请再试一次。", "The server cannot be reached just now. Try again."],
};

const column = document.documentElement.lang.startsWith("en") ? 1 : 0;

export const say = (name) => TEXTS[name][column];

export const locale = column ? "en-GB" : "zh-CN";
