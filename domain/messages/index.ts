/**
 * What is said to and asked of workflows: ids, inputs, signals, updates, queries. Workflows declare their handlers from
 * these; the API, the CLI and the activities talk to them by these. Nothing here runs in a workflow by itself.
 */
export * from './names';
export * from './steer';
export * from './submission';
export * from './deployment';
export * from './run';
export * from './enrichment';
export * from './publication';
export * from './validator';
