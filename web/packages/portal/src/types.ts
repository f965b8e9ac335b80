/** What the worker API sends. Times are epoch seconds of the server's clock. */

export interface Worker {
  id: string;
  username: string;
  email: string;
  worker_id: string;
}

export interface Job {
  name: string;
  arn: string;
  title: string;
  description: string;
  keywords: string[];
  task_type: string;
  available_tasks: number;
  time_limit_s: number;
  created_at: number;
  reference_code: string;
  account_id: string;
  held_state: "working" | "paused" | null;
  held_until: number | null;
}

export interface Task {
  id: string;
  job: string;
  object_id: string;
  state: "reserved" | "working" | "paused";
  html_url: string;
  title: string;
  description: string;
  task_type: string;
  accepted_at: number | null;
  expires_at: number;
  time_limit_s: number;
}

/** Rules for a new password, as the 409 answer of a sign-in gives them. */
export interface PasswordRules {
  min_length: number;
  uppercase: boolean;
  lowercase: boolean;
  numbers: boolean;
  symbols: boolean;
}

export type Answer = Record<string, unknown>;

/** A template to begin with. */
export interface Sample {
  name: string;
  group: "element" | "task type";
  template: string;
  input: Record<string, unknown>;
}

/** What came of rendering a template. */
export interface Preview {
  document_url: string | null;
  errors: { code: string; message: string; line: number; column: number }[];
  undefined: string[];
  warnings: string[];
}
