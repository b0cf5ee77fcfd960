/*
 * doctor/doctor_fuzz.c - hostile bytes as a file, read with the books of the command.
 *
 * How the bytes are cut into pieces changes nothing; what is found is in bounds and has words.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct td_finding *f)
{
    if (f->score < 0 || f->score > 100 || f->n_evidence > TD_FINDING_EVIDENCE)
        abort();
    if (f->title == NULL || f->why == NULL || f->fix == NULL || f->check == NULL)
        abort();
    for (size_t i = 0; i < f->n_evidence; i++) {
        if (f->evidence[i]->first.file != 0)
            abort();
    }
}

static void see(struct td_doctor *doctor, const uint8_t *data, size_t size, size_t piece)
{
    if (!td_doctor_forget(doctor) || !td_doctor_file(doctor, "fuzz.txt"))
        abort();
    for (size_t at = 0; at < size; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        uint8_t *exact = malloc(len); // so that ASan sees its end

        if (exact == NULL)
            abort();
        memcpy(exact, data + at, len);
        td_doctor_feed(doctor, exact, len);
        free(exact);
    }
    td_doctor_file_end(doctor);
    td_doctor_end(doctor);
    if (!td_doctor_judge(doctor))
        abort();
    for (size_t i = 0; i < td_doctor_count(doctor); i++)
        check(td_doctor_at(doctor, i));
    for (size_t i = 0; i < td_doctor_set_aside(doctor); i++)
        check(td_doctor_set_aside_at(doctor, i));
    if (td_story_count(td_doctor_story(doctor)) > TD_STORY_STEPS)
        abort();
}

static void compare(struct td_doctor *a, struct td_doctor *b)
{
    const struct td_facts *x = td_doctor_facts(a), *y = td_doctor_facts(b);

    if (td_facts_count(x) != td_facts_count(y) || td_doctor_count(a) != td_doctor_count(b))
        abort();
    for (size_t i = 0; i < td_facts_count(x); i++) {
        if (strcmp(td_facts_at(x, i)->name, td_facts_at(y, i)->name) != 0 ||
            td_facts_at(x, i)->count != td_facts_at(y, i)->count)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct td_doctor *whole, *pieces;
    struct td_knowledge_fault fault;

    if (whole == NULL) {
        const struct td_knowledge *knowledge = td_knowledge_read(td_books, &fault);

        if (knowledge == NULL)
            abort();
        whole = td_doctor_new(knowledge);
        pieces = td_doctor_new(knowledge);
        if (whole == NULL || pieces == NULL)
            abort();
    }
    if (size == 0)
        return 0;
    see(whole, data, size, size);
    see(pieces, data, size, 1 + data[0] % 31);
    compare(whole, pieces);
    return 0;
}
