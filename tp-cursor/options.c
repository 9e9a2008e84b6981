/* tp-cursor's command line: a word for the command, and a table for each. */
#include "tp-cursor/options.h"

#include <string.h>

#include "lib/cursor_file.h"
#include "lib/message.h"
#include "lib/option.h"

static const struct option_spec follow_specs[] = {
	{ "state", 's', "DIR", "the state directory, tp-fetch's (needed)" },
	{ "run", 0, "ID", "commit for this run only, and its moves at once" },
	{ "verbose", 'v', NULL, "say what is committed" },
	{ NULL, 0, NULL, NULL }
};

static const struct option_spec show_specs[] = {
	{ "state", 's', "DIR", "the state directory (needed)" },
	{ "json", 'j', NULL, "print one JSON object" }, { NULL, 0, NULL, NULL }
};

struct command_spec {
	const char *name; /* NULL: without a word */
	enum command command;
	struct option_program program;
};

static const struct command_spec commands[] = {
	{ "show", COMMAND_SHOW,
	    { "tp-cursor show [--json] [--state] DIR",
		"Prints what is committed, and what the journal has beyond it.",
		show_specs, NULL } },
	{ NULL, COMMAND_FOLLOW,
	    { "tp-cursor --state DIR [--run ID] <acknowledgements\n"
	      "       tp-cursor show [--json] [--state] DIR",
		"Commits the position up to which events are acknowledged.",
		follow_specs,
		"  tp-fetch --state S | tp-hec | tp-cursor --state S\n"
		"  wc -l < day.ndjson | tp-cursor --state S\n"
		"  tp-cursor show --state S\n" } },
};

static void
take(void *cookie, const char *name, const char *value)
{
	struct options *options = cookie;

	if (strcmp(name, "state") == 0)
		options->state_path = value;
	else if (strcmp(name, "run") == 0) {
		if (!cursor_is_run_id(value))
			option_refuse(name, value,
			    "a run id: 1 to 64 of [A-Za-z0-9._:-]");
		options->run_wanted = value;
	} else if (strcmp(name, "json") == 0)
		options->is_json = 1;
	else
		message_set_verbose(1);
}

struct options
options_parse(int argc, char **argv)
{
	struct options options = { 0 };
	const struct command_spec *spec = commands;

	while (spec->name != NULL &&
	       (argc < 2 || strcmp(argv[1], spec->name) != 0))
		spec++;
	if (spec->name != NULL) {
		argc--;
		argv++;
	}
	options.command = spec->command;
	int next = option_parse(&spec->program, argc, argv, take, &options);
	if (options.command == COMMAND_SHOW && options.state_path == NULL &&
	    next < argc)
		options.state_path = argv[next++];
	if (next < argc)
		die(EXIT_USAGE, "%s: not a command or option (see --help)",
		    argv[next]);
	if (options.state_path == NULL)
		die(EXIT_USAGE, "--state DIR is needed (see --help)");
	return options;
}
