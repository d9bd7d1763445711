// The state of a method as named entries: one function describes both saving and loading. Tensors of any dtype are kept bit for bit.
#pragma once

#include <clb/state.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/sdk/error.hpp>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace clb {

// What nn::Module and everything like it offers.
template <class M>
concept HasParameters = requires(M& module, const std::function<void(const std::string&, torch::Tensor&)>& visit) {
  module.parameters(visit);
};

// Each entry: name (u32 length, bytes), tag (u8), payload. Integers little-endian. Loading expects the entries in the order of saving and
// names the first that differs. Lengths are checked before memory is taken: it grows with the bytes that really arrive.
class Archive {
 public:
  static Archive saving(const clb_writer& writer) { return Archive(&writer, nullptr, torch::kCPU); }
  static Archive loading(const clb_reader& reader, torch::Device device) { return Archive(nullptr, &reader, device); }

  Archive& operator()(const char* name, torch::Tensor& tensor) {
    entry(name, 'T');
    return writer_ ? put_tensor(tensor) : get_tensor(tensor);
  }
  Archive& operator()(const char* name, std::vector<torch::Tensor>& tensors) {
    entry(name, 'L');
    return elements(tensors, [this](torch::Tensor& t) { writer_ ? put_tensor(t) : get_tensor(t); });
  }
  Archive& operator()(const char* name, std::string& text) {
    entry(name, 'S');
    if (writer_) {
      put<uint64_t>(text.size());
      write(text.data(), text.size());
    } else {
      read_growing(text, get<uint64_t>());
    }
    return *this;
  }
  Archive& operator()(const char* name, std::vector<std::string>& texts) {
    entry(name, 'Z');
    return elements(texts, [this](std::string& t) { (*this)("", t); });
  }

  // A module's parameters with their names, and which of them are trained. The module that loads was constructed like the saved one; the
  // sizes of its tensors may differ (a head that has grown).
  template <HasParameters M>
  Archive& operator()(const char* name, M& module) {
    entry(name, 'M');
    module.parameters([this](const std::string& parameter, torch::Tensor& t) {
      bool trained = t.defined() && t.requires_grad();
      (*this)(parameter.c_str(), t)("trained", trained);
      if (t.defined()) module_bytes_ += static_cast<int64_t>(t.nbytes());
      if (reader_ && t.defined() && t.is_floating_point()) t.requires_grad_(trained);
    });
    return *this;
  }

  // A list of modules; make() gives an element as it was constructed.
  template <HasParameters M, class Make>
  Archive& operator()(const char* name, std::vector<M>& modules, Make make) {
    entry(name, 'N');
    auto count = static_cast<uint64_t>(modules.size());
    scalar(count);
    if (reader_) modules.clear();
    for (uint64_t k = 0; k < count; ++k) {
      if (reader_) modules.push_back(make());
      (*this)("element", modules[k]);
    }
    return *this;
  }

  // Anything else that a function archive_entries(Archive&, T&) beside it takes apart: torch's optimisers (archive_optimizer.hpp).
  template <class T>
  requires requires(Archive& archive, T& value) { archive_entries(archive, value); }
  Archive& operator()(const char* name, T& value) {
    entry(name, 'O');
    archive_entries(*this, value);
    return *this;
  }

  template <class N>
  requires std::is_arithmetic_v<N> Archive& operator()(const char* name, N& number) {
    entry(name, tag<N>());
    scalar(number);
    return *this;
  }
  template <class N>
  requires std::is_arithmetic_v<N> &&(!std::is_same_v<N, bool>)Archive& operator()(const char* name, std::vector<N>& numbers) {
    entry(name, tag<N>());
    return elements(numbers, [this](N& n) { scalar(n); });
  }

  int64_t module_bytes() const { return module_bytes_; }  // so far, of tensors of modules; the rest are statistics

 private:
  Archive(const clb_writer* writer, const clb_reader* reader, torch::Device device) : writer_(writer), reader_(reader), device_(device) {}

  template <class N>
  static constexpr char tag() {
    return std::is_same_v<N, bool> ? 'b' : std::is_floating_point_v<N> ? 'f' : 'i';
  }
  [[noreturn]] static void damaged(const std::string& what) { throw PluginError(CLB_E_STATE, "the saved state is damaged: " + what); }

  void entry(const char* name, char tag) {
    if (writer_) {
      const auto length = static_cast<uint32_t>(std::strlen(name));
      put(length);
      write(name, length);
      put(tag);
      return;
    }
    const auto length = get<uint32_t>();
    if (length > 1024) damaged(std::string("a name of ") + std::to_string(length) + " bytes where \"" + name + "\" was expected");
    std::string found(length, '\0');
    read(found.data(), length);
    const char found_tag = get<char>();
    if (found != name || found_tag != tag)
      damaged("found entry \"" + found + "\" (" + found_tag + "), expected \"" + name + "\" (" + tag + ")");
  }

  Archive& put_tensor(const torch::Tensor& tensor) {
    if (!tensor.defined()) {
      put<int32_t>(-1);
      return *this;
    }
    const auto t = tensor.detach().to(torch::kCPU).contiguous();
    put(static_cast<int32_t>(t.scalar_type()));
    put(static_cast<uint32_t>(t.dim()));
    for (int64_t size : t.sizes()) put(size);
    write(t.data_ptr(), t.nbytes());
    return *this;
  }

  Archive& get_tensor(torch::Tensor& tensor) {
    const auto type = get<int32_t>();
    if (type == -1) {
      tensor = torch::Tensor();
      return *this;
    }
    if (type < 0 || type >= static_cast<int32_t>(c10::ScalarType::Undefined)) damaged("unknown dtype " + std::to_string(type));
    const auto dtype = static_cast<c10::ScalarType>(type);
    const auto dims = get<uint32_t>();
    if (dims > 16) damaged("a tensor of " + std::to_string(dims) + " dimensions");
    std::vector<int64_t> shape(dims);
    uint64_t bytes = c10::elementSize(dtype);
    for (auto& size : shape) {
      size = get<int64_t>();
      if (size < 0 || __builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes) || bytes > (uint64_t{1} << 48))
        damaged("a tensor's shape");
    }
    std::string data;
    read_growing(data, bytes);
    auto t = torch::empty(shape, torch::dtype(dtype));
    if (bytes > 0) std::memcpy(t.data_ptr(), data.data(), bytes);
    tensor = t.to(device_);
    return *this;
  }

  template <class N>
  void scalar(N& number) {  // 8 bytes each, whatever N is
    using Wide = std::conditional_t<std::is_floating_point_v<N>, double, int64_t>;
    if (writer_) {
      put(static_cast<Wide>(number));
    } else {
      number = static_cast<N>(get<Wide>());
    }
  }
  template <class V, class Each>
  Archive& elements(V& list, Each each) {
    if (writer_) {
      put<uint64_t>(list.size());
      for (auto& element : list) each(element);
      return *this;
    }
    list.clear();
    for (auto count = get<uint64_t>(); count > 0; --count) each(list.emplace_back());  // grows only as bytes arrive
    return *this;
  }

  template <class N>
  void put(N value) {
    write(&value, sizeof value);
  }
  template <class N>
  N get() {
    N value;
    read(&value, sizeof value);
    return value;
  }
  void write(const void* bytes, uint64_t count) {
    if (const auto status = writer_->write(writer_->self, bytes, count); status != CLB_OK)
      throw PluginError(status, "the state cannot be written");
  }
  void read(void* bytes, uint64_t count) {
    auto* at = static_cast<char*>(bytes);
    while (count > 0) {
      uint64_t got = 0;
      if (const auto status = reader_->read(reader_->self, at, count, &got); status != CLB_OK)
        throw PluginError(status, "the state cannot be read");
      if (got == 0 || got > count) damaged("it ends " + std::to_string(count) + " bytes too early");
      at += got;
      count -= got;
    }
  }
  void read_growing(std::string& data, uint64_t count) {
    constexpr uint64_t kStep = uint64_t{64} << 20;
    data.clear();
    while (data.size() < count) {
      const uint64_t step = std::min(kStep, count - data.size());
      data.resize(data.size() + step);
      read(data.data() + data.size() - step, step);
    }
  }

  const clb_writer* writer_;
  const clb_reader* reader_;
  torch::Device device_;
  int64_t module_bytes_ = 0;
};

}  // namespace clb
