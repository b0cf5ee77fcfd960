/*
 * doctor/knowledge.h - the doctor's books: phrases, rules and options, read from YAML.
 *
 * Form: docs/spec/doctor.md. The books that come with the command are src/doctor/rules/NAME.yml,
 * src/doctor/phrases/NAME.yml and src/doctor/options/NAME.yml, embedded at build time.
 */
#ifndef TD_DOCTOR_KNOWLEDGE_H
#define TD_DOCTOR_KNOWLEDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A list of texts, ended by NULL. */
typedef const char *const *td_texts;

/* What a line of a log or a sentence of a post looks like, and the fact it stands for. */
struct td_phrase {
    const char *text; /* literal, with captures: {name} a word, {name:n} a number, {name:*} the
                         rest of the line; without regard to the case of letters */
    const char *fact; /* name and constant attributes of the fact; captures are added */
    const char *in;   /* only lines of: "device" (console, log), "client", "prose", "" any */
};

struct td_adjust {
    const char *condition; /* see doctor/fact.h */
    int by;                /* points */
};

struct td_case {
    bool fires;     /* else it must be silent */
    td_texts files; /* name, contents, name, contents ... NULL */
    td_texts also;  /* names of other rules that rightly fire on the same case */
};

struct td_rule {
    const char *id;    /* D07, M12, N03, C21: where a reference lists it */
    const char *name;  /* swap-no-room: stable, for programs */
    const char *topic; /* the file it stands in */
    const char *kind;  /* cause | trap | remark | harmless */
    const char *title, *why, *fix, *check;
    td_texts when;   /* all of these hold */
    td_texts any;    /* and at least one of these, when there are any */
    td_texts unless; /* none of these: evidence against it */
    int score;       /* 0..100 to begin with */
    int yields;      /* found only when no other cause has that many points; 0: always */
    const struct td_adjust *adjust;
    size_t n_adjust;
    td_texts asks;    /* names of `ask` entries */
    td_texts sources; /* threads, files, documents */
    const struct td_case *cases;
    size_t n_cases;
};

/* A further file that would make a finding sure. */
struct td_ask {
    const char *name;
    const char *text;
    const char *have; /* condition under which it is at hand already */
};

struct td_option {
    const char *name; /* without CONFIG_ */
    const char *means;
    const char *fallback;      /* the default, "" when it depends */
    const char *since, *until; /* SDK generation: "ncs-2.4", "zephyr-3.3"; "" open */
    const char *now;           /* its name since `until`; "" when it is current, "-" when it went */
    td_texts images;    /* app, mcuboot, b0, net, sysbuild: where it belongs; none: anywhere */
    td_texts needs;     /* OPTION or OPTION=value: without these it has no effect; "A|B": one of */
    td_texts sets;      /* OPTION or OPTION=value: what it switches on by itself */
    td_texts match;     /* images whose values must be equal */
    const char *choice; /* of the options of one choice, one can be y; "" for none */
    const char *source;
};

struct td_knowledge {
    const struct td_phrase *phrases;
    size_t n_phrases;
    const struct td_rule *rules;
    size_t n_rules;
    const struct td_ask *asks;
    size_t n_asks;
    const struct td_option *options; /* sorted by name */
    size_t n_options;
};

/* A file of a book: its path below src/doctor ("rules/swap.yml") and its text. */
struct td_book {
    const char *path;
    const unsigned char *text;
    size_t len;
};

struct td_knowledge_fault {
    char what[240];
    char where[160]; /* file:line */
};

/*
 * Reads books, ended by one without path. NULL and *fault when one is malformed, when a rule or
 * an option is there twice, or when a rule names an ask that no book has. td_knowledge_free.
 */
struct td_knowledge *td_knowledge_read(const struct td_book *books,
                                       struct td_knowledge_fault *fault);

/* The same in half the time, for judging: n_cases is 0, and a fault in a case is not found. */
struct td_knowledge *td_knowledge_read_without_cases(const struct td_book *books,
                                                     struct td_knowledge_fault *fault);
void td_knowledge_free(struct td_knowledge *knowledge);

/* The books that come with the command (made by the build). */
extern const struct td_book td_books[];

#endif
