export * from './catalog.js';
export * from './imaging-event.js';
