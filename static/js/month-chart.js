// Fee by month, stacked by stage: draws what the page carries as data. The table under it says the same in exact figures.
const source = document.querySelector("#month-chart-data");
const canvas = document.querySelector("#month-chart");

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

function datasets(data) {
  return data.datasets.map((set) => ({
    label: set.label,
    data: set.values,
    backgroundColor: css(set.color),
    borderColor: css("--surface"),
    borderWidth: { top: 1 },
    borderSkipped: false,
    texts: set.texts,
    maxBarThickness: 3.5 * rem(),
  }));
}

function options(data) {
  const font = { family: css("--font"), size: 0.8 * rem() };
  const ink = css("--ink-2");
  return {
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: { stacked: true, grid: { display: false }, border: { color: css("--line-strong") }, ticks: { color: ink, font } },
      y: {
        stacked: true,
        border: { display: false },
        grid: { color: css("--line") },
        ticks: { color: ink, font, maxTicksLimit: 6, callback: (value) => short.format(value).replace("-", "−") },
      },
    },
    plugins: {
      // The page has its own, with the icons.
      legend: { display: false },
      tooltip: {
        backgroundColor: css("--ink"),
        titleColor: css("--surface"),
        bodyColor: css("--surface"),
        footerColor: css("--surface"),
        titleFont: font,
        bodyFont: font,
        footerFont: font,
        padding: 0.7 * rem(),
        filter: (item) => item.parsed.y !== 0,
        callbacks: {
          label: (item) => ` ${item.dataset.label}: ${item.dataset.texts[item.dataIndex]}`,
          footer: (items) => (items.length ? `All stages: ${data.totals[items[0].dataIndex]} ${data.unit}` : ""),
        },
      },
    },
  };
}

if (source && canvas && window.Chart) {
  const data = JSON.parse(source.textContent);
  let chart = null;
  const draw = () => {
    chart?.destroy();
    chart = new window.Chart(canvas, {
      type: "bar",
      data: { labels: data.labels, datasets: datasets(data) },
      options: options(data),
    });
  };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
