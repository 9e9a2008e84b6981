/* One line on stderr, whole, in one write. */
#include "lib/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 2048 };

static const char *program_name = "tp";
static int verbose;

void
message_start(const char *program)
{
	program_name = program;
}

const char *
message_program(void)
{
	return program_name;
}

void
message_set_verbose(int is_verbose)
{
	verbose = is_verbose;
}

static void __attribute__((format(printf, 1, 0)))
say(const char *format, va_list arguments)
{
	char line[MESSAGE_BYTES];
	int saved_errno = errno;
	size_t end = (size_t)snprintf(line, sizeof(line), "%s: ", program_name);
	int n =
	    vsnprintf(line + end, sizeof(line) - end - 1, format, arguments);

	if (n > 0)
		end += (size_t)n < sizeof(line) - end - 1
			   ? (size_t)n
			   : sizeof(line) - end - 2;
	for (size_t i = 0; i < end; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[end++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, end);
	(void)written; /* nobody is left to tell */
	errno = saved_errno;
}

void
message(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void
message_verbose(const char *format, ...)
{
	va_list arguments;

	if (!verbose)
		return;
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void
die(int exit_code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	exit(exit_code);
}
