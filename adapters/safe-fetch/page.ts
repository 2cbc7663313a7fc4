/** A link of a page, absolute. */
export interface PageLink {
  href: string;
  text: string;
}

/** What can be read on a page. */
export interface PageText {
  /** At most 200 characters; empty when there is none. */
  title: string;
  /** The main text, one line for each block, white space collapsed; at most 4000. */
  lines: string[];
  /** The first 50 http and https links of the whole page. */
  links: PageLink[];
  /** As the page states it. */
  publishedAt: string | null;
}
