/* The command line of tp-certgen. */
#include "tp-certgen/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/message.h"
#include "lib/option.h"
#include "lib/parse.h"

enum { MAX_NAME_BYTES = 64, DEFAULT_RSA_BITS = 4096 };

static const int64_t HOUR_MS = INT64_C(3600) * 1000;
static const int64_t YEAR_HOURS = INT64_C(365) * 24;

static const struct option_spec SPECS[] = {
	{ "dns-names", 0, "LIST",
	    "host names of the HEC, comma-separated (default localhost)" },
	{ "ip", 0, "LIST", "its IP addresses, comma-separated" },
	{ "ttl", 0, "DURATION",
	    "how long the certificates are valid (default 87600h)" },
	{ "key-type", 0, "TYPE", "ec (P-256) or rsa (default ec)" },
	{ "length", 0, "BITS", "of RSA keys: 2048, 3072 or 4096 (default)" },
	{ "ca-name", 0, "NAME", "NAME.crt and NAME.key (default ca)" },
	{ "server-name", 0, "NAME", "the same for the HEC (default server)" },
	{ "client-name", 0, "NAME", "the same for tp-hec (default client)" },
	{ "ca-key-pass-file", 0, "FILE",
	    "encrypt the CA's key with the first line of FILE" },
	{ "server-key-pass-file", 0, "FILE", "encrypt the server's key" },
	{ "client-key-pass-file", 0, "FILE", "encrypt the client's key" },
	{ "teleport-addr", 0, "HOST:PORT",
	    "for the configuration (default localhost:3025)" },
	{ "force", 'f', NULL, "replace files that exist" },
	{ NULL, 0, NULL, NULL },
};

static const struct option_program PROGRAM = {
	.usage = "tp-certgen [options] OUT-DIR",
	.summary =
	    "Makes a CA, a server certificate for Splunk's HEC, a client "
	    "certificate for\ntp-hec, and a configuration to start "
	    "from.",
	.options = SPECS,
	.examples = "  tp-certgen --dns-names splunk.example.com /etc/tp\n",
};

struct reading {
	struct options *options;
	unsigned length;
	bool is_rsa;
};

/* A file name that needs no thought in a shell, a URL or a Splunk file. */
static const char *
check_name(const char *option, const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t len_bytes = strlen(name);

	if (len_bytes == 0 || len_bytes > MAX_NAME_BYTES ||
	    strspn(name, allowed) != len_bytes || name[0] == '.' ||
	    name[0] == '-')
		option_refuse(option, name,
		    "a name of 1 to 64 letters, digits, '.', '_' or '-'");
	return name;
}

/*
 * `path` from the root, for it ends up in the configuration; that is read by
 * a shell script, so what a shell would interpret is refused.
 */
static char *
absolute_path(const char *what, const char *path)
{
	char *base = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
	char *absolute;

	if (base == NULL)
		die(EXIT_OS, "current directory: %s", strerror(errno));
	if (asprintf(&absolute, "%s%s%s", base, *base ? "/" : "", path) == -1)
		die(EXIT_OS, "out of memory");
	free(base);
	if (strpbrk(absolute, " \t\n\"'`$\\;&|<>()*?[]{}!#~") != NULL)
		die(EXIT_USAGE,
		    "%s: %s: blanks, quotes and wildcards cannot stand in the "
		    "configuration",
		    what, absolute);
	return absolute;
}

/* The pair that an option "PAIR-..." is about. */
static enum pair
pair_of(const char *option)
{
	return option[0] == 's'   ? PAIR_SERVER
	       : option[1] == 'l' ? PAIR_CLIENT
				  : PAIR_CA;
}

static void
take(void *cookie, const char *name, const char *value)
{
	static const char *const key_types[] = { "ec", "rsa", NULL };
	static const char *const lengths[] = { "2048", "3072", "4096", NULL };
	struct reading *reading = cookie;
	struct options *options = reading->options;
	char host[256];
	char port[6];

	if (strcmp(name, "dns-names") == 0) {
		if (alt_names_add_hosts(&options->server_names, value) == -1)
			option_refuse(name, value,
			    "a list of host names (addresses: --ip)");
	} else if (strcmp(name, "ip") == 0) {
		if (alt_names_add_addresses(&options->server_names, value) ==
		    -1)
			option_refuse(name, value, "a list of IP addresses");
	} else if (strcmp(name, "ttl") == 0) {
		options->ttl_s = option_duration_ms(name, value, HOUR_MS,
				     100 * YEAR_HOURS * HOUR_MS) /
				 1000;
	} else if (strcmp(name, "key-type") == 0) {
		reading->is_rsa = option_choice(name, value, key_types) == 1;
	} else if (strcmp(name, "length") == 0) {
		reading->length =
		    2048 + 1024 * (unsigned)option_choice(name, value, lengths);
	} else if (strcmp(name, "teleport-addr") == 0) {
		if (parse_address(value, "3025", host, port) == -1)
			option_refuse(name, value, "an address");
		options->teleport_addr = value;
	} else if (strcmp(name, "force") == 0) {
		options->is_forced = true;
	} else if (strstr(name, "-key-pass-file") != NULL) {
		char **file = &options->key_pass_files[pair_of(name)];
		free(*file);
		*file = absolute_path(name, value);
	} else {
		options->names[pair_of(name)] = check_name(name, value);
	}
}

static void
check_names_differ(const char *const *names)
{
	if (strcmp(names[PAIR_CA], names[PAIR_SERVER]) == 0 ||
	    strcmp(names[PAIR_CA], names[PAIR_CLIENT]) == 0 ||
	    strcmp(names[PAIR_SERVER], names[PAIR_CLIENT]) == 0)
		die(EXIT_USAGE,
		    "--ca-name, --server-name, --client-name: they must "
		    "differ");
}

void
options_read(struct options *options, int argc, char **argv)
{
	struct reading reading = { .options = options };

	*options = (struct options){
		.ttl_s = 10 * YEAR_HOURS * 3600,
		.names = { "ca", "server", "client" },
		.teleport_addr = "localhost:3025",
	};
	int first = option_parse(&PROGRAM, argc, argv, take, &reading);
	if (argc - first != 1 || argv[first][0] == '\0')
		die(EXIT_USAGE, "expected one OUT-DIR (see --help)");
	options->directory = absolute_path("OUT-DIR", argv[first]);

	if (reading.length != 0 && !reading.is_rsa)
		die(EXIT_USAGE, "--length: only with --key-type rsa");
	if (reading.is_rsa)
		options->rsa_bits =
		    reading.length ? reading.length : DEFAULT_RSA_BITS;
	if (options->server_names.extension.len_bytes == 0) {
		alt_names_add_hosts(&options->server_names, "localhost");
		alt_names_add_addresses(&options->server_names,
		    "127.0.0.1,::1");
	}
	check_names_differ(options->names);
}

void
options_free(struct options *options)
{
	free(options->directory);
	for (int i = 0; i < PAIR_COUNT; i++)
		free(options->key_pass_files[i]);
	alt_names_free(&options->server_names);
}
