/* tp-cursor's command line. */
#ifndef TP_CURSOR_OPTIONS_H
#define TP_CURSOR_OPTIONS_H

enum command { COMMAND_FOLLOW, COMMAND_SHOW };

struct options {
	enum command command;
	const char *state_path;
	const char *run_wanted; /* or NULL */
	int is_json;
};

/* Ends the program on a bad word. */
struct options options_parse(int argc, char **argv);

#endif
