// The one script of the report: tables sort by a click on a heading. Inlined into the page.
document.querySelectorAll('th[data-sort]').forEach(function (head) {
  head.tabIndex = 0;
  function sort() {
    var table = head.closest('table'), body = table.tBodies[0], at = head.cellIndex;
    var down = head.getAttribute('aria-sort') !== 'descending';
    table.querySelectorAll('th').forEach(function (other) { other.removeAttribute('aria-sort'); });
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    function value(row) { return row.cells[at].dataset.value; }
    Array.from(body.rows).sort(function (a, b) {
      var x = value(a), y = value(b);
      if (x === '' || y === '') return (x === '') - (y === '');
      var order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return down ? -order : order;
    }).forEach(function (row) { body.appendChild(row); });
  }
  head.addEventListener('click', sort);
  head.addEventListener('keydown', function (event) {
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); sort(); }
  });
});
