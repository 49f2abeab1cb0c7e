/** Levels, the quietest last. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `text`: `LEVEL message`; `json`: `{"time", "level", "message"}`. */
export const LOG_FORMATS = ['text', 'json'] as const;

/** One of {@link LOG_FORMATS}. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Writes one message. */
export type Log = (level: LogLevel, message: string) => void;

/**
 * A log of lines.
 * @param level what is below it is left out
 * @param write takes a line with its newline
 */
export function openLog(level: LogLevel, format: LogFormat, write: (line: string) => void, now: () => number = Date.now): Log {
  const least = LOG_LEVELS.indexOf(level);
  return (of, message) => {
    if (LOG_LEVELS.indexOf(of) < least) return;
    if (format === 'json') write(`${JSON.stringify({ time: new Date(now()).toISOString(), level: of, message })}\n`);
    else write(`${of.toUpperCase()} ${message}\n`);
  };
}
