// The losses of a run as a picture: each step's, thin, and their running mean.

#include "qopt/runtime/cli/LossCurve.h"
#include "qopt/runtime/JsonPut.h"
#include "qopt/runtime/Numbers.h"
#include "qopt/runtime/Replacement.h"

#include <stdio.h>

namespace qopt::cli {

namespace {

// Of the picture and of its plot, in pixels.
constexpr double width = 800, height = 450;
constexpr double left = 70, right = 780, top = 40, bottom = 400;
/// More points than pixels show nothing more.
constexpr uint64_t mostPoints = 710;

/// An axis: values from `low` to `high` lie from `begin` to `end`.
struct Axis {
  double low, high, begin, end;
  double at(double value) const {
    return begin + (value - low) / (high - low) * (end - begin);
  }
};

class Picture {
public:
  Picture(FILE *out, const runtime::Growing<LossPoint> &points)
      : out(out), points(points) {}

  void draw(const char *title);

private:
  void findAxes();
  void text(double x, double y, const char *anchor, const char *words);
  void number(double x, double y, const char *anchor, double value);
  void ticks();
  void line(const char *style, bool mean);

  FILE *out;
  const runtime::Growing<LossPoint> &points;
  Axis x = {}, y = {};
};

} // namespace

/// With two digits behind the point, whatever the locale.
static void putPixel(FILE *out, double value) {
  auto hundredths = static_cast<long long>(value * 100 + 0.5);
  fprintf(out, "%lld.%02lld", hundredths / 100, hundredths % 100);
}

static void putPoint(FILE *out, double x, double y) {
  fputc(' ', out);
  putPixel(out, x);
  fputc(',', out);
  putPixel(out, y);
}

void Picture::findAxes() {
  double low = points[0].loss, high = low;
  for (const LossPoint &point : points) {
    low = point.loss < low ? point.loss : low;
    high = point.loss > high ? point.loss : high;
  }
  double room =
      high > low ? (high - low) * 0.05 : (low < 0 ? -low : low) * 0.1 + 1e-9;
  auto first = static_cast<double>(points[0].step);
  auto last = static_cast<double>(points[points.size() - 1].step);
  x = {first, last > first ? last : first + 1, left, right};
  y = {low - room, high + room, bottom, top};
}

void Picture::text(double px, double py, const char *anchor,
                   const char *words) {
  fputs("<text x=\"", out);
  putPixel(out, px);
  fputs("\" y=\"", out);
  putPixel(out, py);
  fprintf(out, "\" text-anchor=\"%s\">", anchor);
  for (; *words; ++words)
    if (*words == '<' || *words == '&')
      fputs(*words == '<' ? "&lt;" : "&amp;", out);
    else if (static_cast<unsigned char>(*words) >= 0x20)
      fputc(*words, out);
  fputs("</text>\n", out);
}

void Picture::number(double px, double py, const char *anchor, double value) {
  char digits[40];
  snprintf(digits, sizeof digits, "%.4g", value);
  if (char *comma = strchr(digits, ','))
    *comma = '.';
  text(px, py, anchor, digits);
}

/// The largest of 1, 2, 5 times a power of ten that gives 4 ticks or more.
static double tickOf(const Axis &axis) {
  double most = (axis.high - axis.low) / 4, tick = 1;
  while (tick > most)
    tick /= 10;
  while (tick * 10 <= most)
    tick *= 10;
  return tick * 5 <= most ? tick * 5 : tick * 2 <= most ? tick * 2 : tick;
}

void Picture::ticks() {
  auto grid = [&](double x1, double y1, double x2, double y2) {
    fputs("<path d=\"M", out);
    putPoint(out, x1, y1);
    fputs(" L", out);
    putPoint(out, x2, y2);
    fputs("\" stroke=\"#ddd\"/>\n", out);
  };
  auto each = [](const Axis &axis, double least, auto body) {
    double tick = tickOf(axis);
    tick = tick < least ? least : tick;
    auto from = static_cast<long long>(axis.low / tick) - 1;
    for (int i = 0; i < 40; ++i) {
      double value = static_cast<double>(from + i) * tick;
      if (value >= axis.low && value <= axis.high)
        body(value);
    }
  };
  each(y, 0, [&](double value) {
    grid(left, y.at(value), right, y.at(value));
    number(left - 8, y.at(value) + 4, "end", value);
  });
  each(x, 1, [&](double value) {
    grid(x.at(value), top, x.at(value), bottom);
    number(x.at(value), bottom + 18, "middle", value);
  });
}

/// Points that fall on one pixel are drawn as their mean.
void Picture::line(const char *style, bool mean) {
  fprintf(out, "<polyline fill=\"none\" %s points=\"", style);
  uint64_t n = points.size(), bucket = (n + mostPoints - 1) / mostPoints;
  // Half of what is left fades away over a fiftieth of the run.
  double weight = 1 - runtime::exponential(-0.69314718055994531 * 50 /
                                           static_cast<double>(n));
  double smooth = points[0].loss;
  for (uint64_t i = 0; i < n; i += bucket) {
    double sum = 0;
    uint64_t end = i + bucket < n ? i + bucket : n;
    for (uint64_t k = i; k < end; ++k) {
      smooth += weight * (points[k].loss - smooth);
      sum += points[k].loss;
    }
    double loss = mean ? smooth : sum / static_cast<double>(end - i);
    putPoint(out, x.at(static_cast<double>(points[end - 1].step)), y.at(loss));
  }
  fputs("\"/>\n", out);
}

void Picture::draw(const char *title) {
  findAxes();
  fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" "
        "height=\"450\" viewBox=\"0 0 800 450\" font-family=\"sans-serif\" "
        "font-size=\"12\">\n<rect width=\"800\" height=\"450\" "
        "fill=\"white\"/>\n",
        out);
  ticks();
  line("stroke=\"#9ecae1\" stroke-width=\"1\"", false);
  line("stroke=\"#08519c\" stroke-width=\"2\"", true);
  text(width / 2, 24, "middle", title);
  text((left + right) / 2, height - 12, "middle", "step");
  text(left, top - 8, "end", "loss");
  fputs("</svg>\n", out);
}

bool writeLossCurve(const char *path, const char *title,
                    const runtime::Growing<LossPoint> &points) {
  if (!points.size())
    return true;
  char *drawn = nullptr;
  size_t bytes = 0;
  FILE *out = open_memstream(&drawn, &bytes);
  if (!out)
    return false;
  Picture(out, points).draw(title);
  bool fine = fclose(out) == 0;
  runtime::Replacement file(path);
  fine = fine && file.open() && file.write(drawn, bytes) && file.commit();
  free(drawn);
  return fine;
}

} // namespace qopt::cli
