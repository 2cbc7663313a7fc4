import { FAULT_LOG_LINES } from '../types';

const LINE_MAX = 4000;

/** Cuts a build's output into lines, passes them on, and remembers the last ones for a fault. */
export class BuildLog {
  private readonly lines: string[] = [];
  private rest = '';
  constructor(private readonly sink: (line: string) => void) {}

  /** One whole line. */
  write(line: string): void {
    const shown = line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)} ...` : line;
    this.lines.push(shown);
    if (this.lines.length > FAULT_LOG_LINES) this.lines.shift();
    this.sink(shown);
  }

  /** A piece of output that may end within a line. */
  append(text: string): void {
    const pieces = `${this.rest}${text}`.split(/\r\n|\n|\r/);
    this.rest = pieces.pop() ?? '';
    for (const piece of pieces) if (piece !== '') this.write(piece);
    // A step that never ends its line must not fill the memory.
    if (this.rest.length > LINE_MAX) this.flush();
  }

  /** Ends a line that was left open. */
  flush(): void {
    if (this.rest !== '') this.write(this.rest);
    this.rest = '';
  }

  /** At most `FAULT_LOG_LINES` lines, oldest first. */
  tail(): string[] {
    return [...this.lines];
  }
}
