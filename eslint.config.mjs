import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * Who may import whom (CONTRIBUTING.md, "Import rules"). A library lists the libraries it may import;
 * whatever is not listed is refused. An app may import every library but never another app.
 */
const libraries = {
  events: [],
  hl7v2: [],
  platform: [],
  fhir: ['platform'],
  mapping: ['hl7v2', 'fhir', 'platform'],
  dicom: ['platform'],
  messaging: ['events', 'platform'],
  intake: ['hl7v2', 'mapping', 'platform', 'fhir', 'messaging'],
  tasks: ['platform', 'fhir', 'messaging'],
  testing: ['events', 'hl7v2', 'platform', 'fhir', 'mapping', 'dicom', 'messaging', 'intake'],
};
const services = ['orders', 'scheduling', 'contrast', 'results'];
const edges = ['@nestjs/*', 'typeorm', 'pg', 'kafkajs', 'node:fs*', 'node:net', 'node:http*', 'node:tls'];

const forbid = (groups) => ({ 'no-restricted-imports': ['error', { patterns: groups }] });
/** A pattern begins with `\\#`, since a bare # would make a comment of it, as in a .gitignore. */
const named = (library) => `\\#${library}`;
/** Pure domain: a file named *.decider.ts decides. It may import FHIR types, #events, pure helpers of #fhir and Failure of #platform. */
const domain = [
  { group: edges, message: 'Pure domain: no Nest, TypeORM, Kafka or I/O in a decider.' },
  {
    group: ['messaging', 'intake', 'testing'].map(named),
    message: 'Pure domain knows no delivery: only FHIR types, #events, #fhir helpers and Failure.',
  },
];
/** The rules of a room, and of its deciders: of several settings of one rule the last would be the only one. */
const room = (files, groups) => [
  { files: [files], ignores: ['**/*.spec.ts'], rules: forbid(groups) },
  { files: [files.replace('*.ts', '*.decider.ts')], rules: forbid([...groups, ...domain]) },
];
const libraryRules = Object.entries(libraries).flatMap(([name, allowed]) =>
  room(`**/libs/${name}/**/*.ts`, [
    {
      group: Object.keys(libraries)
        .filter((other) => !allowed.includes(other))
        .map(named),
      message: `libs/${name} may import only: ${allowed.join(', ') || 'no other library'}.`,
    },
    { group: ['**/apps/**'], message: 'A library never imports an app.' },
    { group: ['../../../*/src/**', '../../*/src/**'], message: 'Import a library by its name (#name), never by path.' },
  ]),
);
const appRules = services.flatMap((name) =>
  room(`**/apps/${name}/**/*.ts`, [
    {
      group: services
        .filter((other) => other !== name)
        .flatMap((other) => [`**/apps/${other}/**`, `../../${other}/**`]),
      message: 'Services share nothing but Kafka: an app never imports another app.',
    },
    { group: [named('testing')], message: '#testing is for specs only.' },
    { group: ['**/libs/**'], message: 'Import a library by its name (#name), never by path.' },
  ]),
);
const domainRules = {
  files: ['**/*.decider.ts'],
  rules: {
    'no-restricted-syntax': [
      'error',
      {
        selector: "NewExpression[callee.name='Date'][arguments.length=0]",
        message: 'Time is an argument of the domain.',
      },
      {
        selector: "MemberExpression[object.name='Date'][property.name='now']",
        message: 'Time is an argument of the domain.',
      },
    ],
  },
};
/** The sandbox hospital judges the services from outside: it shares no code with them, so that no fault cancels out. */
const sandboxRules = {
  files: ['**/test/sandbox/**/*.ts'],
  ignores: ['**/*.spec.ts'],
  rules: forbid([
    { group: [named('*'), '**/libs/**', '**/apps/**'], message: 'The sandbox hospital speaks only over the wire.' },
  ]),
};

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.collimator/', 'test/fixtures/', 'coverage/'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.mjs', '**/*.ts'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        URL: 'readonly',
        performance: 'readonly',
        fetch: 'readonly',
        AbortSignal: 'readonly',
      },
    },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'off',
    },
  },
  ...libraryRules,
  ...appRules,
  domainRules,
  sandboxRules,
);
