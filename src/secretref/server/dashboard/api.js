// Calls of the API. The token lives in this module, and nowhere else.

const BASE = new URL("../api/", import.meta.url);
const VERBATIM = document.documentElement.dataset.values === "verbatim";

let token = null;
let expired = () => {};

/** What the server says went wrong. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Trade an access key for a token, and keep it until the page goes. */
export async function signIn(keyId, keySecret) {
  token = (await call("POST", ["token"], { body: { keyId, keySecret } })).token;
}

/** Forget the token. */
export function signOut() {
  token = null;
}

/** Have *listener* called when the server takes the token no more. */
export function onExpired(listener) {
  expired = listener;
}

/**
 * Call the API.
 *
 * @param {string} method - The HTTP method.
 * @param {Array<string|number>} parts - Segments of the path below /api, not yet encoded.
 * @param {{body?: unknown, value?: string, query?: object}} [options] - A body as JSON, a value, or query fields.
 * @returns {Promise<unknown>} The answer's JSON; null if there is none.
 * @throws {ApiError} The server refused, or cannot be reached.
 */
export async function call(method, parts, { body, value, query } = {}) {
  const headers = { Accept: "application/json" };
  if (token !== null) headers["X-Authorization"] = token;
  if (body !== undefined || value !== undefined) headers["Content-Type"] = "application/json";
  const signed = token !== null;
  const answer = await fetch(address(parts, query), {
    method,
    headers,
    body: value !== undefined ? sent(value, headers) : JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
  }).catch(() => {
    throw new ApiError(0, "the server cannot be reached");
  });
  const json = answer.headers.get("Content-Type")?.startsWith("application/json");
  const content = json ? await answer.json() : null;
  if (answer.ok) return content;
  if (answer.status === 401 && signed) expired();
  throw new ApiError(answer.status, told(answer, content));
}

/** Encode each segment. A dot segment cannot be encoded: it would lead to another call. */
function address(parts, query = {}) {
  if (parts.some((part) => /^\.{0,2}$/.test(String(part)))) throw new ApiError(0, "there is nothing here");
  const url = new URL(parts.map(encodeURIComponent).join("/"), BASE);
  for (const [name, text] of Object.entries(query)) if (text !== "") url.searchParams.set(name, text);
  return url;
}

/** A server that decodes bodies takes a JSON string; one that takes them verbatim takes the value itself. */
function sent(value, headers) {
  if (!VERBATIM) return JSON.stringify(value);
  headers["Content-Type"] = "text/plain";
  return value;
}

function told(answer, content) {
  const message = content?.message ?? `the server answered ${answer.status}`;
  const faults = (content?.validationErrors ?? []).map((fault) => `${fault.path}: ${fault.message}`);
  const wait = answer.headers.get("Retry-After");
  return [message, ...faults, ...(wait ? [`try again in ${wait} seconds`] : [])].join("; ");
}
