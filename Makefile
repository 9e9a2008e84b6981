# teleport-splunk-pipe: four filters, one library, their stand-ins and tests.
#
#   make                 the four programs, in build/
#   make test | demo | bench | lint | fuzz
#   make install DESTDIR= PREFIX=/usr/local
#
#   SAN=1      AddressSanitizer and UBSan, in build/san/
#   FUZZ=1     the same and libFuzzer (needs CC=clang), in build/fuzz/
#   WERROR=1   warnings are errors (CI)
#   V=1        show whole commands
#   CC=clang   gcc and clang both build without a warning
#
# A program is every .c file in its folder, linked with lib/.  Everything but
# its main.c goes into an archive of its own, so that unit tests and fuzz
# targets link the same objects that ship.

VERSION  = 0.1.0
PREFIX   ?= /usr/local
PROGRAMS = tp-fetch tp-hec tp-cursor tp-certgen

B := build$(if $(FUZZ),/fuzz,$(if $(SAN),/san))
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $@)

PKG_tp-fetch  = grpc libprotobuf-c openssl jansson zlib
PKG_tp-hec    = libcurl openssl libdeflate jansson
PKG_tp-cursor = jansson zlib
PKG_tp-certgen = openssl
PKG_standin   = grpc openssl jansson zlib
PKG_all = $(sort $(foreach p,$(PROGRAMS) standin,$(PKG_$(p))))

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wformat=2 -Wundef \
       -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wcast-qual \
       $(if $(WERROR),-Werror)
SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
             -fno-omit-frame-pointer
SANFLAGS = $(if $(SAN)$(FUZZ),$(SANITIZERS)) $(if $(FUZZ),-fsanitize=fuzzer-no-link)
OPT = $(if $(SAN)$(FUZZ),-O1,-O3) -g

ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -I. -I$(B)/gen \
             $(OPT) $(WARN) $(SANFLAGS) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(SANFLAGS) -Wl,--as-needed -pthread $(LDFLAGS)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKG_all) 2>/dev/null)
libs = $(shell pkg-config --libs $(PKG_$(1)))

all: $(PROGRAMS:%=$(B)/%)

objects = $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(1)))

# --- the library, and one archive and one program a folder ---------------

$(B)/lib.a: $(call objects,lib/*.c)

define PROGRAM
$(B)/$(1).a: $$(filter-out $(B)/obj/$(1)/main.o,$$(call objects,$(1)/*.c)) $$(GEN_$(1))
$(B)/$(1): $(B)/obj/$(1)/main.o $(B)/$(1).a $(B)/lib.a
	$$(call say,LINK)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) $$(LINK_$(1)) -o $$@ $$^ $$(call libs,$(1)) $$(LDLIBS)
endef

# See tp-hec/main.c.
LINK_tp-hec = -Wl,--export-dynamic-symbol=_gnutls_global_init_skip
GEN_tp-fetch = $(B)/gen/auditlog.pb-c.o
$(foreach p,$(PROGRAMS),$(eval $(call PROGRAM,$(p))))

$(B)/%.a:
	@mkdir -p $(@D)
	$(Q)rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# --- messages that tp-fetch sends, from their description ----------------

$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h: tp-fetch/proto/%.proto
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)protoc-c --proto_path=$(<D) --c_out=$(B)/gen $<

$(B)/gen/%.pb-c.o: $(B)/gen/%.pb-c.c
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -w -c -o $@ $<

$(call objects,tp-fetch/*.c): | $(B)/gen/auditlog.pb-c.h

# --- stand-ins for both peers, unit tests, fuzz targets, benchmarks ------

STANDINS = $(B)/standin-auth $(B)/standin-hec
$(STANDINS): $(B)/standin-%:
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(call libs,standin) $(LDLIBS)
$(B)/standin-auth: $(call objects,tests/standin/*.c tests/standin/auth/*.c)
$(B)/standin-hec: $(call objects,tests/standin/*.c tests/standin/hec/*.c)

# tests/KIND/PROGRAM/x.c becomes KIND/PROGRAM/x and links PROGRAM's own objects;
# tests/KIND/lib/ links lib/ alone.  Fuzz targets need FUZZ=1 CC=clang.
UNITS   = $(patsubst tests/%.c,$(B)/%,$(wildcard tests/unit/*/test_*.c))
FUZZERS = $(patsubst tests/%.c,$(B)/%,$(wildcard tests/fuzz/*/fuzz_*.c))
BENCHES = $(patsubst tests/%.c,$(B)/%,$(wildcard tests/bench/*/*.c))
LINK_unit  = -lcmocka
LINK_fuzz  = -fsanitize=fuzzer -ljansson
LINK_bench = -ljansson

define TESTER
$(B)/$(1)/$(2)/%: $(B)/obj/tests/$(1)/$(2)/%.o $$(if $$(filter-out lib,$(2)),$(B)/$(2).a) $(B)/lib.a
	@mkdir -p $$(@D)
	$$(call say,LINK)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ \
	    $$(call libs,$$(if $$(filter lib,$(2)),tp-cursor,$(2))) $$(LINK_$(1)) $$(LDLIBS)
endef
$(foreach kind,unit fuzz bench,$(foreach p,lib $(PROGRAMS),$(eval $(call TESTER,$(kind),$(p)))))

standins: $(STANDINS)
units: $(UNITS)
benches: $(BENCHES)
fuzzers: $(FUZZERS)

# For tools that read the sources as the compiler does (scripts/lint).
generated: $(B)/gen/auditlog.pb-c.h
flags:
	$(info $(ALL_CFLAGS))
	@:

test:
	scripts/test
demo:
	scripts/demo
bench:
	scripts/bench
lint:
	scripts/lint
fuzz:
	scripts/fuzz

# --- install -------------------------------------------------------------

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 755 $(PROGRAMS:%=$(B)/%) $(DESTDIR)$(PREFIX)/bin
	install -m 755 pipeline.sh $(DESTDIR)$(PREFIX)/bin/tp-pipeline
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 man/*.7 $(DESTDIR)$(PREFIX)/share/man/man7

clean:
	rm -rf build

.PHONY: all standins units benches fuzzers generated flags test demo bench lint fuzz install clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
