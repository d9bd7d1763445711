// The connection behind a Store (and behind a RowAudit), and the two ways to use it: a transaction that writes, a consistent look that
// reads.
#pragma once

#include <clb/store/store.hpp>

#include "open.hpp"
#include "seal.hpp"

namespace clb::store {

struct Connection {
  fs::path file;
  std::optional<Writer> writer;  // one of these two
  std::optional<Reader> reader;

  SQLite::Database& db() { return writer ? *writer->db : reader->db(); }

  template <class Body>
  auto write(Body body) {
    if (!writer) throw base::Error(file.string() + ": was opened for reading and asked to write", base::Exit::kInternal);
    return explained(file, [&] {
      SQLite::Transaction transaction(db(), SQLite::TransactionBehavior::IMMEDIATE);
      if constexpr (std::is_void_v<decltype(body(db()))>) {
        body(db());
        transaction.commit();
      } else {
        auto result = body(db());
        transaction.commit();
        return result;
      }
    });
  }

  template <class Body>
  auto read(Body body) {
    return explained(file, [&] {
      for (;;) {
        try {
          auto result = consistent(body);
          if (!reader || !reader->changed()) return result;
        } catch (...) {  // a page torn by a writer that came meanwhile looks like damage
          if (!reader || !reader->failed_for_change()) throw;
        }
        reader->reopen();
      }
    });
  }

 private:
  template <class Body>
  auto consistent(Body body) {
    SQLite::Transaction transaction(db());
    auto result = body(db());
    transaction.commit();
    return result;
  }
};

struct Store::Impl : Connection {
  // Whatever is written of an attempt goes through here: once it has ended, its seal is written anew with it.
  template <class Body>
  void write_of(int64_t attempt, Body body) {
    write([&](SQLite::Database& database) {
      body(database);
      seal(database, attempt);
    });
  }
  void seal(SQLite::Database& database, int64_t attempt) {
    if (sealed_.empty()) sealed_ = sealed_tables(database);
    seal_if_ended(database, sealed_, attempt);
  }

 private:
  std::vector<SealedTable> sealed_;
};

}  // namespace clb::store
