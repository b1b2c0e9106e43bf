// Requests to the service, and what their failures say.

/** A failure in the service's own words: the `detail` of its problem details (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {string} detail one sentence for the reader
   * @param {number} status 0 where no answer came
   * @param {number|null} retryAfterS when to ask again, where that may help
   */
  constructor(detail, status, retryAfterS) {
    super(detail);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

/** Ask for JSON; throws Problem, or an AbortError where `signal` says so. */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The service does not answer.", 0, 3);
  }
  const body = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  if (response.ok && body !== null) return body;
  const detail = body?.detail ?? plainDetail(response.status);
  const wait = response.status === 503 ? Number(response.headers.get("Retry-After")) || 3 : null;
  throw new Problem(detail, response.status, wait);
}

/** What a status says that came without problem details, from a server before the service. */
function plainDetail(status) {
  if (status === 413) return "This photo is larger than the service takes.";
  return `The service answered with status ${status}.`;
}

/** The address of an item, or of what belongs to it (`image`, `similar`). */
export function itemPath(id, part = "") {
  const segments = String(id).split("/");
  // Browsers resolve the segments . and .. of an address, so such an id keeps its slashes encoded.
  const isOdd = segments.some((segment) => segment === "." || segment === "..");
  const encoded = segments.map(encodeURIComponent).join(isOdd ? "%2F" : "/");
  return `/items/${encoded}${part && `/${part}`}`;
}
