/** Wire contract of url-fetch (runtime-and-tools.md 4.3). */
import { z } from 'zod';

/** `POST /v1/fetch`. `max_chars` bounds `content` in characters. */
export const fetchRequestSchema = z.object({
  url: z.string().min(1).max(2048),
  max_chars: z.int().min(100).max(500_000).default(50_000),
  include_links: z.boolean().default(true),
});
export type FetchRequest = z.infer<typeof fetchRequestSchema>;

export const fetchResponseSchema = z.object({
  url: z.string(),
  final_url: z.string(),
  title: z.string(),
  content: z.string(),
  links: z.array(z.object({ href: z.string(), text: z.string() })),
  status_code: z.int(),
  content_type: z.string(),
  /** Bytes of the body after decompression, as far as it was read. */
  bytes_read: z.int(),
  /** The body was longer than what is read, or its text longer than `max_chars`. */
  truncated: z.boolean(),
});
export type FetchResponse = z.infer<typeof fetchResponseSchema>;
