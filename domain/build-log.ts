/** Key of the object that holds what a submission's build printed. */
export function buildLogKey(submissionId: string): string {
  return `evidence/submissions/${submissionId}/build.log`;
}
