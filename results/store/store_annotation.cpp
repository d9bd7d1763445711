#include "content.hpp"
#include "impl.hpp"

namespace clb::store {
namespace {

// "@COMMIT TEXT" -> {"COMMIT", "TEXT"}; a text without a commit is of every commit.
std::pair<std::string, std::string> split_commit(const std::string& text) {
  const size_t space = text.find(' ');
  if (!text.starts_with('@') || space == std::string::npos) return {"", text};
  return {text.substr(1, space - 1), text.substr(space + 1)};
}

}  // namespace

void Store::add_annotation(int64_t run, const std::string& author, const std::string& commit, const std::string& text) {
  impl_->write([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT key, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM run WHERE id = ?");
    query.bind(1, run);
    if (!query.executeStep()) throw base::Error(impl_->file.string() + ": has no run " + std::to_string(run), base::Exit::kInternal);
    const std::string at = query.getColumn(1).getString(), whole = commit.empty() ? text : "@" + commit + " " + text;
    id_of(db, "annotation", content_key("annotation", {query.getColumn(0).getString(), at, author, whole}),
          {{"run_id", run}, {"at", at}, {"author", author}, {"text", whole}});
  });
}

std::vector<Annotation> Store::annotations() const {
  return impl_->read([&](SQLite::Database& db) {
    std::vector<Annotation> list;
    SQLite::Statement query(db, "SELECT run_id, at, author, text FROM annotation ORDER BY at, id");
    while (query.executeStep()) {
      auto [commit, text] = split_commit(query.getColumn(3).getString());
      list.push_back({query.getColumn(0).getInt64(), query.getColumn(1).getString(), query.getColumn(2).getString(), std::move(commit),
                      std::move(text)});
    }
    return list;
  });
}

}  // namespace clb::store
