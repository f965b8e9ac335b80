export { elements, registerAll } from "./register.js";
export { en, setMessages } from "./base/messages.js";
export type { Messages } from "./base/messages.js";
