/* A table per program: parser, --help and --version. */
#include "lib/option.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/message.h"
#include "lib/parse.h"

enum { MAX_OPTIONS = 64, OPTION_HELP = 1000, OPTION_VERSION, OPTION_FIRST };

static void
print_help(const struct option_program *program)
{
	printf("usage: %s\n\n%s\n\n", program->usage, program->summary);
	for (const struct option_spec *o = program->options; o->name; o++) {
		char left[64];
		char letter[8] = "    ";
		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
		    o->argument ? " " : "", o->argument ? o->argument : "");
		printf("  %-34s %s%s\n", left,
		    strlen(left) > 34
			? "\n                                     "
			: "",
		    o->help);
	}
	printf("      --help                         print this and exit\n"
	       "      --version                      print the version and "
	       "exit\n");
	if (program->examples != NULL)
		printf("\nExamples:\n%s", program->examples);
}

static _Noreturn void
finish_stdout(void)
{
	if (fflush(stdout) != 0)
		die(EXIT_IO, "standard output: cannot write");
	exit(0);
}

/* getopt's tables, from ours. */
static void
fill_tables(const struct option_spec *specs, struct option *longs, char *shorts)
{
	int n = 0;

	*shorts++ = '+'; /* options end at the first operand, as POSIX has it */
	*shorts++ = ':'; /* errors are ours to print */
	for (; specs[n].name != NULL; n++) {
		if (n == MAX_OPTIONS)
			die(EXIT_SOFTWARE, "more than %d options", MAX_OPTIONS);
		longs[n] = (struct option){ specs[n].name,
			specs[n].argument ? required_argument : no_argument,
			NULL, OPTION_FIRST + n };
		if (specs[n].letter) {
			*shorts++ = specs[n].letter;
			if (specs[n].argument)
				*shorts++ = ':';
		}
	}
	longs[n] = (struct option){ "help", no_argument, NULL, OPTION_HELP };
	longs[n + 1] =
	    (struct option){ "version", no_argument, NULL, OPTION_VERSION };
	longs[n + 2] = (struct option){ NULL, 0, NULL, 0 };
	*shorts = '\0';
}

static const struct option_spec *
find_spec(const struct option_spec *specs, int found)
{
	if (found >= OPTION_FIRST)
		return &specs[found - OPTION_FIRST];
	while (specs->letter != found)
		specs++;
	return specs;
}

static _Noreturn void
refuse_word(int found, char **argv)
{
	const char *word = argv[optind - 1];

	if (optopt != 0 && optopt < OPTION_HELP && found == '?')
		die(EXIT_USAGE, "-%c: unknown option (see --help)", optopt);
	if (found == ':')
		die(EXIT_USAGE, "%s: needs a value (see --help)", word);
	if (optopt != 0)
		die(EXIT_USAGE, "%s: takes no value (see --help)", word);
	die(EXIT_USAGE, "%s: unknown option (see --help)", word);
}

int
option_parse(const struct option_program *program, int argc, char **argv,
    void (*take)(void *, const char *, const char *), void *cookie)
{
	struct option longs[MAX_OPTIONS + 3];
	char shorts[2 * MAX_OPTIONS + 3];
	int found;

	fill_tables(program->options, longs, shorts);
	while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (found == '?' || found == ':')
			refuse_word(found, argv);
		if (found == OPTION_HELP) {
			print_help(program);
			finish_stdout();
		}
		if (found == OPTION_VERSION) {
			printf("%s " VERSION "\n", message_program());
			finish_stdout();
		}
		const struct option_spec *spec =
		    find_spec(program->options, found);
		take(cookie, spec->name, spec->argument ? optarg : NULL);
	}
	return optind;
}

void
option_refuse(const char *name, const char *value, const char *wanted)
{
	die(EXIT_USAGE, "--%s: \"%s\" is not %s", name, value, wanted);
}

int64_t
option_number(const char *name, const char *value, int64_t least, int64_t most)
{
	int64_t number;

	if (parse_number(value, least, most, &number) == 0)
		return number;
	char wanted[80];
	snprintf(wanted, sizeof(wanted), "a number from %lld to %lld",
	    (long long)least, (long long)most);
	option_refuse(name, value, wanted);
}

int64_t
option_size(const char *name, const char *value, int64_t least, int64_t most)
{
	int64_t bytes;

	if (parse_size(value, least, most, &bytes) == 0)
		return bytes;
	char wanted[96];
	snprintf(wanted, sizeof(wanted),
	    "a size from %lld to %lld bytes (such as 900k or 1Mi)",
	    (long long)least, (long long)most);
	option_refuse(name, value, wanted);
}

/* In the largest unit that leaves no rest, up to hours. */
static const char *
duration_text(int64_t ms, char text[32])
{
	if (ms > 0 && ms % 3600000 == 0)
		snprintf(text, 32, "%lldh", (long long)ms / 3600000);
	else if (ms % 1000 == 0)
		snprintf(text, 32, "%llds", (long long)ms / 1000);
	else
		snprintf(text, 32, "%lldms", (long long)ms);
	return text;
}

int64_t
option_duration_ms(const char *name, const char *value, int64_t least_ms,
    int64_t most_ms)
{
	int64_t ms;

	if (parse_duration(value, least_ms, most_ms, &ms) == 0)
		return ms;
	char wanted[96];
	char least[32];
	char most[32];
	snprintf(wanted, sizeof(wanted),
	    "a duration from %s to %s (such as 500ms, 10s or 1h30m)",
	    duration_text(least_ms, least), duration_text(most_ms, most));
	option_refuse(name, value, wanted);
}

int
option_choice(const char *name, const char *value, const char *const *choices)
{
	struct buffer wanted = { 0 };

	for (int i = 0; choices[i] != NULL; i++) {
		if (strcmp(value, choices[i]) == 0) {
			buffer_free(&wanted);
			return i;
		}
		buffer_printf(&wanted, "%s%s", i ? " or " : "", choices[i]);
	}
	option_refuse(name, value, buffer_text(&wanted));
}
