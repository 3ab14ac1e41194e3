/** Nest injection tokens of what has no class of its own. */
export const SITE = Symbol('Site');
export const INFRASTRUCTURE = Symbol('Infrastructure');
export const LOGGER = Symbol('Logger');
export const CLOCK = Symbol('Clock');
