/*
 * Words to people, on stderr: "standin-hec: what: why".
 */
#ifndef STANDIN_HEC_MESSAGE_H
#define STANDIN_HEC_MESSAGE_H

/* One line; the newline is added. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, and the end with exit code `code` (sysexits.h). */
_Noreturn void
die(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
