/*
 * What a program says to people: one line on stderr, "program: what: why".
 *
 * message_start() is called once, first thing in main.  Nothing here fails: a
 * message that cannot be written is dropped.  Each message leaves in a single
 * write(2), so that lines of several stages on one terminal do not mix.
 * Control bytes in the text (a peer's words) are shown as '?'.
 */
#ifndef LIB_MESSAGE_H
#define LIB_MESSAGE_H

/* Exit codes are policy; see DESIGN.md. */
enum {
	EXIT_USAGE = 64,       /* bad option or argument */
	EXIT_DATA = 65,        /* damaged or mismatched data */
	EXIT_UNAVAILABLE = 69, /* peer not reached in the time allowed */
	EXIT_SOFTWARE = 70,    /* our bug */
	EXIT_OS = 71,          /* out of memory, of descriptors */
	EXIT_IO = 74,          /* reading or writing failed */
	EXIT_TRY_AGAIN = 75,   /* locked, overtaken, ended early */
	EXIT_REFUSED = 77,     /* a peer refused us in the time allowed */
	EXIT_CONFIG = 78       /* a file named by an option is not usable */
};

/* `program` is kept, not copied. */
void message_start(const char *program);
const char *message_program(void);

/* `--verbose`: whether message_verbose() speaks. */
void message_set_verbose(int is_verbose);

void message(const char *format, ...) __attribute__((format(printf, 1, 2)));
void
message_verbose(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says why and ends the program with `exit_code`. */
_Noreturn void die(int exit_code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
