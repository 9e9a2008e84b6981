/* Identity files, good and bad, made by tests/pki.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/io.h"
#include "tp-fetch/identity.h"
#include "tp-fetch/identity_text.h"

static char folder[] = "/tmp/test_identity.XXXXXX";
static char why[512];

static void __attribute__((format(printf, 1, 2))) run(const char *format, ...)
{
	char command[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	/* NOLINTNEXTLINE(cert-env33-c): the commands are in this file */
	assert_int_equal(system(command), 0);
}

static const char *
path_of(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static struct identity *
load(const char *name)
{
	struct identity_files files = { .identity = path_of(name) };

	why[0] = '\0';
	return identity_load(&files, why);
}

static struct identity *
load_three(const char *certificate, const char *key, const char *ca)
{
	struct identity_files files = { .certificate = path_of(certificate),
		.key = path_of(key),
		.ca = path_of(ca) };

	why[0] = '\0';
	return identity_load(&files, why);
}

static void
assert_why(const char *words)
{
	if (strstr(why, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why, words);
}

static void
assert_refused(struct identity *identity, const char *words)
{
	assert_null(identity);
	assert_why(words);
	assert_null(strchr(why, '\n'));
}

static void
assert_good(struct identity *identity)
{
	assert_string_equal(why, "");
	assert_non_null(identity);
	assert_string_equal(identity->user, "tp-exporter");
	assert_string_equal(identity->cluster, "example.com");
	assert_true(identity->not_after > (int64_t)time(NULL) + 86400);
	identity_free(identity);
}

static struct buffer
contents(const char *name)
{
	struct buffer text = { 0 };

	assert_int_equal(io_read_file(path_of(name), 1 << 20, &text), 0);
	return text;
}

static void
reads_every_form_of_a_good_identity(void **state)
{
	static const char *const names[] = { "identity", "identity-sec1",
		"identity-rsa", "identity-mislabelled", "identity-tls-only",
		"identity-reordered", "identity-renewed" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_good(load(names[i]));
	assert_good(load_three("auth.crt", "auth.key", "auth.cas"));
}

static void
says_what_is_wrong_with_a_bad_one(void **state)
{
	static const struct {
		const char *name, *words;
	} bad[] = {
		{ "identity-swapped",
		    "certificate where the private key is expected" },
		{ "identity-wrong-key", "does not belong" },
		{ "identity-truncated", "no END line" },
		{ "identity-no-cas", "no CA certificate" },
		{ "identity-empty", "is empty" },
		{ "none", "No such file" },
		{ "host-ca.key", "no certificate" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_refused(load(bad[i].name), bad[i].words);
		assert_why(bad[i].name);
	}
}

static void
says_which_of_three_files_is_wrong(void **state)
{
	(void)state;
	assert_refused(load_three("auth.key", "auth.crt", "auth.cas"),
	    "auth.crt: holds a certificate where the private key");
	assert_refused(load_three("auth.key", "auth.key", "auth.cas"),
	    "auth.key: holds a private key where a certificate");
	assert_refused(load_three("auth.crt", "auth.key", "identity-empty"),
	    "identity-empty: is empty");
	assert_refused(load_three("auth.crt", "auth.key", "auth.key"),
	    "auth.key: holds a private key where a certificate");
	assert_refused(load_three("auth.crt", "host-ca.key", "auth.cas"),
	    "does not belong");
}

static void
does_not_ask_for_a_passphrase(void **state)
{
	(void)state;
	run("openssl pkcs8 -topk8 -in %s/auth.key -passout pass:secret"
	    " -out %s/encrypted.key",
	    folder, folder);
	assert_refused(load_three("auth.crt", "encrypted.key", "auth.cas"),
	    "encrypted");
	run("openssl ec -aes128 -in %s/auth.key -passout pass:secret"
	    " -out %s/encrypted-sec1.key 2>/dev/null",
	    folder, folder);
	assert_refused(load_three("auth.crt", "encrypted-sec1.key", "auth.cas"),
	    "encrypted");
}

static void
names_a_key_in_openssh_form(void **state)
{
	static const char text[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n"
				   "b3BlbnNzaC1rZXktdjEA\n"
				   "-----END OPENSSH PRIVATE KEY-----\n";

	(void)state;
	assert_refused(identity_parse("file", text, sizeof(text) - 1, why),
	    "OpenSSH");
}

static void
passes_over_parameters_before_a_key(void **state)
{
	(void)state;
	run("cd %s && { openssl ecparam -name prime256v1; openssl ec -in"
	    " auth.key 2>/dev/null; } > parameters.key",
	    folder);
	assert_good(load_three("auth.crt", "parameters.key", "auth.cas"));
}

static void
does_not_mind_blanks_and_carriage_returns(void **state)
{
	(void)state;
	run("sed 's/^/ \\t/; s/$/ \\r/' %s/identity > %s/identity-blanks",
	    folder, folder);
	assert_good(load("identity-blanks"));
}

static void
notices_a_damaged_ca(void **state)
{
	struct buffer text = contents("identity-tls-only");

	(void)state;
	buffer_append_text(&text, "-----BEGIN CERTIFICATE-----\n!!!!\n"
				  "-----END CERTIFICATE-----\n");
	assert_refused(identity_parse("file", text.data, text.len_bytes, why),
	    "CA");
	buffer_free(&text);
}

static void
refuses_a_line_beyond_64_kib(void **state)
{
	struct buffer text = contents("identity");

	(void)state;
	for (int i = 0; i < 64 * 1024; i++)
		buffer_append_byte(&text, 'x');
	why[0] = '\0';
	assert_good(identity_parse("file", text.data, text.len_bytes, why));
	buffer_append_byte(&text, 'x');
	assert_refused(identity_parse("file", text.data, text.len_bytes, why),
	    "64 KiB");
	buffer_free(&text);
}

static void
takes_roles_by_position(void **state)
{
	static const char bytes[] =
	    "@cert-authority * ssh-rsa AAAA\n"
	    "-----BEGIN X-----\n1\n-----END X-----\n"
	    "ssh-rsa-cert-v01@openssh.com AAAA\n"
	    "  -----BEGIN Y-----\n\t2\n-----END Y-----\n"
	    "-----BEGIN Z-----\n3\n-----END Z-----\n"
	    "words\n"
	    "-----BEGIN X-----\n4\n-----END X-----";
	struct identity_text text;

	(void)state;
	assert_null(identity_text_split(bytes, sizeof(bytes) - 1, &text));
	assert_string_equal(buffer_text(&text.key),
	    "-----BEGIN X-----\n1\n-----END X-----\n");
	assert_string_equal(buffer_text(&text.certificate),
	    "-----BEGIN Y-----\n2\n-----END Y-----\n");
	assert_string_equal(buffer_text(&text.authorities),
	    "-----BEGIN Z-----\n3\n-----END Z-----\n"
	    "-----BEGIN X-----\n4\n-----END X-----\n");
	identity_text_free(&text);
}

static void
notices_a_change_of_the_file(void **state)
{
	struct identity_files files = { .identity = path_of("changing") };
	struct identity_stamp stamp = { 0 };

	(void)state;
	assert_true(identity_has_changed(&files, &stamp));
	assert_false(identity_has_changed(&files, &stamp));
	run("cp %s/identity %s/changing", folder, folder);
	assert_true(identity_has_changed(&files, &stamp));
	assert_false(identity_has_changed(&files, &stamp));
	run("cp %s/identity-renewed %s/new; mv %s/new %s/changing", folder,
	    folder, folder, folder);
	assert_true(identity_has_changed(&files, &stamp));
	assert_false(identity_has_changed(&files, &stamp));
}

static int
make_files(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	run("tests/pki.sh %s >/dev/null 2>&1", folder);
	return 0;
}

static int
remove_files(void **state)
{
	(void)state;
	run("rm -r %s", folder);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_form_of_a_good_identity),
		cmocka_unit_test(says_what_is_wrong_with_a_bad_one),
		cmocka_unit_test(says_which_of_three_files_is_wrong),
		cmocka_unit_test(does_not_ask_for_a_passphrase),
		cmocka_unit_test(names_a_key_in_openssh_form),
		cmocka_unit_test(passes_over_parameters_before_a_key),
		cmocka_unit_test(does_not_mind_blanks_and_carriage_returns),
		cmocka_unit_test(notices_a_damaged_ca),
		cmocka_unit_test(refuses_a_line_beyond_64_kib),
		cmocka_unit_test(takes_roles_by_position),
		cmocka_unit_test(notices_a_change_of_the_file),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
