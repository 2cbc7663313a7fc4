/** Jest runs TypeScript through swc; the kinds of test are projects so that each can be run alone. */
const swc = (tsx) => [
  '@swc/jest',
  {
    sourceMaps: 'inline',
    module: { type: 'commonjs' },
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', tsx },
      transform: { react: { runtime: 'automatic', importSource: 'hono/jsx' } },
      keepClassNames: true,
    },
  },
];
const shared = {
  testEnvironment: 'node',
  transform: { '^.+\\.tsx$': swc(true), '^.+\\.(ts|js)$': swc(false) },
  // The generated Prisma client names its own TypeScript files by their compiled names.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transformIgnorePatterns: ['/node_modules/', '/build/'],
  modulePathIgnorePatterns: ['<rootDir>/build/', '<rootDir>/.eirel/'],
};
const project = (name, extra = {}) => ({
  ...shared,
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  ...extra,
});
module.exports = {
  // What takes milliseconds may take seconds beside other work on two cores; what hangs is still found.
  testTimeout: 60_000,
  projects: [project('unit'), project('workflow'), project('integration'), project('e2e')],
};
