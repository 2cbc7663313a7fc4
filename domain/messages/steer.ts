/** Who steers and why; an operator who signals from the Web UI may leave all of it out. */
export interface SteerRequest {
  /** Of this one order: sent twice, it is carried out once. */
  id?: string;
  actor?: string;
  via?: string;
  reason?: string;
}
