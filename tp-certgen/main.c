/*
 * tp-certgen: makes what tp-hec and a Splunk HEC need to trust each other, and
 * a configuration to start from.
 *
 * Everything is made in memory first and then written all or none, so that no
 * failure leaves a key without its certificate.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/io.h"
#include "lib/message.h"
#include "tp-certgen/certificate.h"
#include "tp-certgen/file_set.h"
#include "tp-certgen/options.h"
#include "tp-certgen/starter.h"

enum {
	MODE_PUBLIC = 0644,
	MODE_SECRET = 0600,
	MAX_PASSPHRASE_BYTES = 1024,
	UUID_BYTES = 16,
	UUID_TEXT_BYTES = 37
};

/* Where each thing that is made goes. */
struct plan {
	struct file_set files;
	struct buffer *certificates[PAIR_COUNT];
	struct buffer *keys[PAIR_COUNT];
	struct buffer *server_bundle;
	struct buffer *token;
	struct buffer *role;
	struct buffer *pipeline;
	struct buffer *inputs;
};

/* What is made, before it is text. */
struct made {
	EVP_PKEY *keys[PAIR_COUNT];
	X509 *certificates[PAIR_COUNT];
	char hec_token[UUID_TEXT_BYTES];
};

static void
plan_files(const struct options *options, struct plan *plan)
{
	struct file_set *files = &plan->files;

	for (int i = 0; i < PAIR_COUNT; i++) {
		const char *name = options->names[i];
		plan->certificates[i] =
		    file_set_add(files, name, ".crt", MODE_PUBLIC);
		plan->keys[i] = file_set_add(files, name, ".key", MODE_SECRET);
	}
	plan->server_bundle = file_set_add(files, options->names[PAIR_SERVER],
	    ".pem", MODE_SECRET);
	plan->token = file_set_add(files, "hec-token", "", MODE_SECRET);
	plan->role = file_set_add(files, "teleport-event-handler-role", ".yaml",
	    MODE_PUBLIC);
	plan->pipeline =
	    file_set_add(files, "tp-pipeline", ".env", MODE_PUBLIC);
	plan->inputs = file_set_add(files, "inputs", ".conf", MODE_SECRET);

	const char *existing = file_set_find_existing(files, options->directory,
	    options->is_forced);
	if (existing != NULL)
		die(EXIT_USAGE, "%s/%s: %s; nothing is written",
		    options->directory, existing,
		    options->is_forced ? "is not a regular file"
				       : "exists (--force replaces it)");
}

static _Noreturn void
die_openssl(const char *what)
{
	die(EXIT_SOFTWARE, "%s: %s", what, certificate_error());
}

static void
make_pairs(const struct options *options, struct made *made)
{
	for (int i = 0; i < PAIR_COUNT; i++)
		if ((made->keys[i] = key_make(options->rsa_bits)) == NULL)
			die_openssl("make a key");

	EVP_PKEY *authority_key = made->keys[PAIR_CA];
	X509 *authority =
	    certificate_make_authority(authority_key, options->ttl_s);
	if (authority == NULL)
		die_openssl("make the CA certificate");
	made->certificates[PAIR_CA] = authority;
	made->certificates[PAIR_SERVER] =
	    certificate_issue(authority, authority_key, made->keys[PAIR_SERVER],
		CERTIFICATE_SERVER, options->server_names.extension.data);
	made->certificates[PAIR_CLIENT] =
	    certificate_issue(authority, authority_key, made->keys[PAIR_CLIENT],
		CERTIFICATE_CLIENT, "DNS:tp-hec");
	for (int i = 0; i < PAIR_COUNT; i++)
		if (made->certificates[i] == NULL)
			die_openssl("issue a certificate");
}

/* A HEC token has the form of a UUID; this is a random one (version 4). */
static void
make_token(char token[UUID_TEXT_BYTES])
{
	unsigned char b[UUID_BYTES];

	if (RAND_bytes(b, sizeof(b)) != 1)
		die_openssl("make a token");
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(token, UUID_TEXT_BYTES,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
	    b[11], b[12], b[13], b[14], b[15]);
}

/* The first line of the file, without its end. */
static void
read_passphrase(const char *path, struct buffer *passphrase)
{
	if (io_read_file(path, MAX_PASSPHRASE_BYTES, passphrase) == -1)
		die(EXIT_CONFIG, "%s: %s", path, strerror(errno));
	passphrase->len_bytes = strcspn(buffer_text(passphrase), "\r\n");
	if (passphrase->len_bytes == 0)
		die(EXIT_CONFIG, "%s: no passphrase in its first line", path);
}

static void
read_passphrases(const struct options *options, struct buffer *passphrases)
{
	for (int i = 0; i < PAIR_COUNT; i++)
		if (options->key_pass_files[i] != NULL)
			read_passphrase(options->key_pass_files[i],
			    &passphrases[i]);
}

static void
write_pairs(const struct made *made, struct buffer *passphrases,
    const struct plan *plan)
{
	for (int i = 0; i < PAIR_COUNT; i++) {
		struct buffer *passphrase = &passphrases[i];
		if (certificate_to_pem(made->certificates[i],
			plan->certificates[i]) == -1 ||
		    key_to_pem(made->keys[i],
			passphrase->len_bytes > 0 ? passphrase : NULL,
			plan->keys[i]) == -1)
			die_openssl("write a pair");
		OPENSSL_cleanse(passphrase->data, passphrase->len_bytes);
		buffer_free(passphrase);
	}
}

static void
append_buffer(struct buffer *to, const struct buffer *from)
{
	buffer_append(to, from->data, from->len_bytes);
}

static void
write_starter(const struct options *options, const struct made *made,
    const struct plan *plan)
{
	const struct starter starter = {
		.directory = options->directory,
		.ca_name = options->names[PAIR_CA],
		.server_name = options->names[PAIR_SERVER],
		.client_name = options->names[PAIR_CLIENT],
		.teleport_addr = options->teleport_addr,
		.hec_host = options->server_names.url_host,
		.hec_token = made->hec_token,
		.has_server_key_pass =
		    options->key_pass_files[PAIR_SERVER] != NULL,
		.client_key_pass_file = options->key_pass_files[PAIR_CLIENT],
	};

	/* Splunk's serverCert is one file: certificate, key, authority. */
	append_buffer(plan->server_bundle, plan->certificates[PAIR_SERVER]);
	append_buffer(plan->server_bundle, plan->keys[PAIR_SERVER]);
	append_buffer(plan->server_bundle, plan->certificates[PAIR_CA]);

	buffer_printf(plan->token, "%s\n", made->hec_token);
	starter_write_role(plan->role);
	starter_write_pipeline(&starter, plan->pipeline);
	starter_write_inputs(&starter, plan->inputs);
}

static void
write_files(const struct options *options, const struct plan *plan)
{
	const char *step;
	const char *name;

	if (file_set_write(&plan->files, options->directory, options->is_forced,
		&step, &name) == -1)
		die(EXIT_IO, "%s %s: %s", step, name, strerror(errno));
	message("%s: %zu files written; tp-pipeline.env and inputs.conf say "
		"how to go on",
	    options->directory, plan->files.count);
}

int
main(int argc, char **argv)
{
	struct options options;
	struct buffer passphrases[PAIR_COUNT] = { 0 };
	struct made made = { 0 };
	struct plan plan = { 0 };

	message_start("tp-certgen");
	prctl(PR_SET_DUMPABLE, 0); /* no core file holds the keys */
	options_read(&options, argc, argv);

	read_passphrases(&options, passphrases);
	plan_files(&options, &plan);
	make_pairs(&options, &made);
	make_token(made.hec_token);
	write_pairs(&made, passphrases, &plan);
	write_starter(&options, &made, &plan);
	write_files(&options, &plan);

	for (int i = 0; i < PAIR_COUNT; i++) {
		EVP_PKEY_free(made.keys[i]);
		X509_free(made.certificates[i]);
	}
	file_set_free(&plan.files);
	options_free(&options);
	return 0;
}
