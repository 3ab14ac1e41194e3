export * from './a-message.js';
export * from './a-resource.js';
export * from './a-site.js';
export * from './given.js';
export * from './peer-suite.js';
export * from './start-service.js';
export * from './test-infrastructure.js';
export * from './until.js';
export { freePort, freePorts } from '../../../deploy/local/ports.mjs';
