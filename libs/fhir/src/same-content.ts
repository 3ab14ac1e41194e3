import { isDeepStrictEqual } from 'node:util';

/**
 * True if two resources say the same: the order of properties and `meta` do not count (jsonb keeps neither our order
 * nor undefined).
 */
export function sameContent(a: object, b: object): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

function plain(resource: object): unknown {
  return JSON.parse(JSON.stringify({ ...resource, meta: undefined }));
}
