/* One line to people, on stderr: "standin-hec: what: why". */
#ifndef STANDIN_SAY_H
#define STANDIN_SAY_H

/* sysexits.h: what a stand-in ends with. */
enum { EXIT_USAGE = 64, EXIT_DATA = 65, EXIT_OS = 71 };

/* The newline is added; lines of several threads do not mix. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* The same, and the end. */
__attribute__((format(printf, 2, 3), noreturn)) void
die(int code, const char *format, ...);

#endif
