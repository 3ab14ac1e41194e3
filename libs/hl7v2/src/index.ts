export * from './acknowledge.js';
export * from './encoding-characters.js';
export * from './escapes.js';
export * from './message.js';
export * from './mllp-client.js';
export * from './mllp-framing.js';
export * from './mllp-server.js';
export * from './refusal.js';
