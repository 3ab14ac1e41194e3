/** V8 flags of a service; see services.mjs. */
export const nodeFlags: string[];
