/*
 * Command lines: one table per program gives the parser, --help and
 * --version, so that they cannot disagree.
 *
 * Long options only differ from getopt_long's in their errors: one line, exit
 * 64.  `--help` and `--version` are answered here, on stdout, with exit 0.
 */
#ifndef LIB_OPTION_H
#define LIB_OPTION_H

#include <stdint.h>

struct option_spec {
	const char *name;     /* long name, without dashes */
	char letter;          /* short name, or 0 */
	const char *argument; /* what --help calls its value; NULL: no value */
	const char *help;     /* one line */
};

struct option_program {
	const char *usage;                 /* what follows "usage: " */
	const char *summary;               /* one line: what the program does */
	const struct option_spec *options; /* ends with a NULL name */
	const char *examples;              /* printed last; may be NULL */
};

/*
 * Calls `take` for each option in order, `value` NULL where it has none.
 * Returns the index of the first operand in argv.
 */
int option_parse(const struct option_program *program, int argc, char **argv,
    void (*take)(void *cookie, const char *name, const char *value),
    void *cookie);

/* Ends the program with exit 64: "--NAME: VALUE is not RANGE". */
_Noreturn void
option_refuse(const char *name, const char *value, const char *wanted);

/* As parse_number and its like, ending the program when out of range. */
int64_t
option_number(const char *name, const char *value, int64_t least, int64_t most);
int64_t
option_size(const char *name, const char *value, int64_t least, int64_t most);
int64_t option_duration_ms(const char *name, const char *value,
    int64_t least_ms, int64_t most_ms);

/* One of `choices` (ends with NULL); returns its index. */
int
option_choice(const char *name, const char *value, const char *const *choices);

#endif
